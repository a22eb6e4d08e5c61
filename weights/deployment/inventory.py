"""The tensors that an artefact stores, by type and by how they are quantised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from weights.text import listed


@dataclass(frozen=True)
class Stored:
    """A tensor of an artefact: `scales` is the number of its scales, None where it has none."""

    name: str
    dtype: str
    size: int
    scales: int | None = None
    is_depthwise: bool = False

    @property
    def kind(self) -> str:
        """Its type, and whether it is quantised by the tensor or by the channel."""
        if self.scales is None:
            return self.dtype
        return f"{self.dtype} per {'tensor' if self.scales == 1 else 'channel'}"


@dataclass(frozen=True)
class Inventory:
    """What an artefact stores.

    Args:
        counts: the number of tensors and their bytes by type, such as "int8 per channel".
        per_tensor_depthwise: depthwise kernels in int8 with one scale for all channels. That of
            the largest leaves nothing of the small ones: the classic fault of int8.
    """

    counts: dict[str, tuple[int, int]]
    per_tensor_depthwise: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, tensors: Iterable[Stored]) -> Inventory:
        """Count tensors."""
        found = list(tensors)
        numbers, sizes = Counter[str](), Counter[str]()
        for each in found:
            numbers[each.kind] += 1
            sizes[each.kind] += each.size
        faulty = [each.name for each in found if each.is_depthwise and each.scales == 1]
        kinds = {kind: (numbers[kind], sizes[kind]) for kind in sorted(numbers)}
        return cls(kinds, tuple(faulty))

    @property
    def fault(self) -> str | None:
        """The classic fault in words, where the artefact has it."""
        if not self.per_tensor_depthwise:
            return None
        return (
            f"{len(self.per_tensor_depthwise)} depthwise convolutions are quantised per tensor, "
            "which loses their small channels: quantise per channel: "
            f"{listed(self.per_tensor_depthwise)}"
        )
