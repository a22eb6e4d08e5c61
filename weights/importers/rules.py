"""What an importer is: how it reads a module out of foreign names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weights.architectures import Config
from weights.arithmetic import ChannelSplit, split_channels
from weights.checks import choice, integer
from weights.errors import ImportRefused
from weights.ghost_conv import SPLITS
from weights.importers.checkpoints import Checkpoint
from weights.importers.gates import OWN_GATE
from weights.storage import PathLike
from weights.tensors import TensorSpec

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The module that a checkpoint is of; `assumed` are the arguments that no tensor tells."""

    architecture: str
    config: Arguments
    assumed: Arguments
    preprocess: Mapping[str, Any] | None = None
    classes: tuple[str, ...] | None = None


def unchanged(spec: TensorSpec, array: np.ndarray) -> np.ndarray:
    """A foreign tensor that is what the canonical one is."""
    return array


def accept(path: PathLike) -> None:
    """No file is refused before it is read."""


@dataclass(frozen=True)
class Importer:
    """One foreign convention: the architectures it has, its names, and what it cannot express.

    `to_canonical` makes the canonical tensor of a foreign one, `gate` is the gate that its
    squeeze-and-excitation has, `refuse` raises for a file that is refused by its name.
    """

    name: str
    architectures: tuple[str, ...]
    plan: Callable[[Checkpoint, str | None, Arguments], Plan]
    foreign_name: Callable[[str], str]
    differences: Callable[[Config], Iterator[str]] = field(repr=False)
    to_canonical: Callable[[TensorSpec, np.ndarray], np.ndarray] = unchanged
    gate: str = OWN_GATE
    refuse: Callable[[PathLike], None] = accept


@dataclass(frozen=True)
class Kernels:
    """Shapes of the two kernels of a GhostConv, (O, I, height, width); `cheap` may be absent."""

    primary: tuple[int, ...]
    cheap: tuple[int, ...] | None

    @property
    def channels(self) -> ChannelSplit:
        """How many channels each half computes."""
        c_int, c_cheap = self.primary[0], self.cheap[0] if self.cheap else 0
        if c_cheap % c_int:
            raise ImportRefused(
                f"the cheap convolution must have a multiple of the primary channels, got "
                f"{c_cheap} for {c_int}"
            )
        return ChannelSplit(c_int, c_cheap // c_int)

    def arguments(self, groups: Any = 1) -> Arguments:
        """The arguments that the shapes tell by themselves."""
        _, inputs, height, width = self.primary
        found = {
            "c_in": inputs * integer("groups", groups, minimum=1),
            "kernel_size": (height, width),
        }
        return found | ({"dw_kernel_size": self.cheap[2]} if self.cheap else {})


def read_kernels(checkpoint: Checkpoint, primary: str, cheap: str) -> Kernels:
    """The kernels of the GhostConv with these names; raises `ImportRefused` without a primary."""
    if primary not in checkpoint.tensors:
        raise ImportRefused(f"{checkpoint.path} holds no GhostConv: looked for {primary!r}")
    shapes = [
        _kernel_shape(checkpoint, name) for name in (primary, cheap) if name in checkpoint.tensors
    ]
    return Kernels(shapes[0], shapes[1] if len(shapes) == 2 else None)


def find_ratio(c_out: Any, channels: ChannelSplit, split: Any) -> tuple[float, bool]:
    """A ratio that divides `c_out` channels like that, and whether no other integer does.

    >>> find_ratio(64, ChannelSplit(32, 1), "round")
    (2, True)
    >>> find_ratio(5, ChannelSplit(1, 4), "round")  # 4 or 5: the module computes the same
    (5, False)
    """
    c_out, split = integer("c_out", c_out, minimum=1), choice("split", split, SPLITS)
    whole = [
        ratio for ratio in range(1, c_out + 1) if split_channels(c_out, ratio, split) == channels
    ]
    if 2 in whole:
        return 2, len(whole) == 1
    candidates = [1 + channels.multiplier, c_out / channels.c_int]
    for ratio in candidates if split == "round" else whole:
        if split_channels(c_out, ratio, split) == channels:
            return ratio, whole == [ratio]
    raise ImportRefused(
        f"no ratio divides {c_out} channels into {channels.c_int} primary and {channels.c_cheap} "
        f"cheap ones with split {split!r}: give `c_out`, `ratio` and `split` in the configuration"
    )


def settle(read: Arguments, assumed: Arguments, given: Arguments) -> tuple[Arguments, Arguments]:
    """The whole configuration, and the assumptions that remain in it: what is given wins."""
    left = {name: value for name, value in assumed.items() if name not in given}
    return read | assumed | given, left


def _kernel_shape(checkpoint: Checkpoint, name: str) -> tuple[int, ...]:
    shape = checkpoint.tensors[name].shape
    if len(shape) != 4 or 0 in shape:
        raise ImportRefused(
            f"{checkpoint.path}: tensor {name!r} must be a kernel (O, I, height, width), got shape "
            f"{shape}"
        )
    return shape
