"""The base of the configurations of ordinary layers, and the checks that their arguments share."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Annotated, Any, ClassVar

from weights import checks, tensors
from weights.errors import ArgumentError
from weights.limits import check_kernel
from weights.modules.configuration import Configuration
from weights.tensors import SizedTensors, Sizes, TensorSpec
from weights.text import brief

# Axes of an image, a volume, a signal.
MOST_AXES = 3
SAME = "same"


class LayerConfig(Configuration):
    """The arguments of a layer that is no part of this project, all of which a file holds.

    A subclass is a frozen dataclass with a method `shapes`; `weights.register` makes it known.
    """

    # The kind of each tensor by its name; what is not listed is "weight".
    kinds: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every tensor in PyTorch's layout, by its name and in PyTorch's order."""

    def check_together(self) -> None:
        """Raise `ArgumentError` for a tensor that is too large."""
        for shape in self.shapes().values():
            check_kernel(shape)

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """Every tensor; the sizes of the output are not told."""
        for name, shape in self.shapes().items():
            yield TensorSpec(name, self.kinds.get(name, "weight"), shape), (None, None)

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it."""
        return {each.name: _listed(getattr(self, each.name)) for each in fields(self) if each.init}


def sizes(name: str, value: object, minimum: int) -> tuple[int, ...]:
    """Return `value`, an integer for each axis, as a tuple.

    >>> sizes("kernel_size", [3, 5], minimum=1)
    (3, 5)
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MOST_AXES:
        raise ArgumentError(
            f"`{name}` must be a list of 1 to {MOST_AXES} integers, got {brief(value)}"
        )
    return tuple(checks.integer(name, size, minimum) for size in value)


def sides(name: str, value: object) -> tuple[tuple[int, int], ...] | str:
    """Return padding as (before, after) for each axis, or "same" where the input decides it."""
    if value == SAME:
        return SAME
    pairs = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if not 0 < len(pairs) <= MOST_AXES or not all(_is_pair(each) for each in pairs):
        raise ArgumentError(
            f"`{name}` must be 'same' or a list of [before, after] for each axis, got "
            f"{brief(value)}"
        )
    for side in (side for each in pairs for side in each):
        checks.integer(name, abs(side), minimum=0)
    return tuple((before, after) for before, after in pairs)


def optional(check: Any) -> Any:
    """Return a check that takes `None` as well."""
    return lambda name, value: None if value is None else check(name, value)


PositiveSizes = Annotated[Any, partial(sizes, minimum=1)]
Sides = Annotated[Any, sides]
NORM = {"weight": tensors.NORM_WEIGHT, "bias": tensors.NORM_BIAS}


def vectors(channels: int, *, weight: bool, bias: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of the weight and the bias of a normalisation, of those that it has."""
    return {name: (channels,) for name, has in (("weight", weight), ("bias", bias)) if has}


def _is_pair(value: object) -> bool:
    is_pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    return is_pair and all(type(side) is int for side in value)  # type: ignore[attr-defined]


def _listed(value: Any) -> Any:
    return list(map(_listed, value)) if isinstance(value, tuple) else value
