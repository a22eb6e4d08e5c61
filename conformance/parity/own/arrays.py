"""Arrays of two frameworks side by side: which of their axes correspond, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from conformance.judging.explanations import LEFT
from conformance.judging.hints import Compared, largest_finite

Sizes = tuple[int, int, int]


class State(Enum):
    """How an array stands to that of the reference."""

    EQUAL = "equal"
    # The same values of flattened images, channels last where the reference has them first.
    REORDERED = "in another order"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Match:
    """An array beside that of the reference, in the layout in which they agree best.

    `ratio` is the largest error over what is allowed, infinite where the shapes differ; `sizes` are
    those of the images that are flattened in another order.
    """

    state: State
    ratio: float
    name: str
    got: np.ndarray = field(repr=False)
    wanted: np.ndarray = field(repr=False)
    allowed: float
    sizes: Sizes | None = None

    @property
    def compared(self) -> Compared:
        """Both, for the hints; only of equal shapes."""
        allowed = np.full(self.wanted.shape, self.allowed)
        return Compared(self.got.astype(np.float64), self.wanted, allowed)

    @property
    def has_equal_shapes(self) -> bool:
        """Whether element can be compared with element."""
        return self.got.shape == self.wanted.shape


def match(
    name: str, got: np.ndarray, wanted: np.ndarray, allowed: float, *, channels_last: bool,
    images: Sequence[Sizes] = (),
) -> Match:  # fmt: skip
    """Compare an array, in its framework's layout, with that of the reference.

    `images` are the sizes (channels, height, width) of what may have been flattened.
    """
    layouts = list(_layouts(got, channels_last=channels_last))
    trimmed = [_trimmed(each, wanted.shape) for each in layouts]
    fitting = [each for each in trimmed if each.shape == wanted.shape]
    if not fitting:
        return Match(State.DIFFERENT, np.inf, name, layouts[0], wanted, allowed)
    ratios = [largest_ratio(each, wanted, allowed) for each in fitting]
    ratio = min(ratios)
    best = fitting[ratios.index(ratio)]
    if ratio <= 1:
        return Match(State.EQUAL, ratio, name, best, wanted, allowed)
    for sizes in images if wanted.ndim == 2 else ():
        reordered = channels_to_end(wanted, sizes)
        if largest_ratio(best, reordered, allowed) <= 1:
            return Match(State.REORDERED, ratio, name, best, wanted, allowed, sizes)
    return Match(State.DIFFERENT, ratio, name, best, wanted, allowed)


def largest_ratio(got: np.ndarray, wanted: np.ndarray, allowed: float) -> float:
    """The largest error over what is allowed."""
    compared = Compared(got.astype(np.float64), wanted, np.full(wanted.shape, allowed))
    return float(compared.ratios().max(initial=0.0))


def left(explained: np.ndarray, found: Match) -> float:
    """The error that an explanation leaves, over what may be left; infinite of another shape.

    What explains an array may be larger on the way.
    """
    if explained.shape != found.got.shape:
        return np.inf
    growth = max(1.0, largest_finite(explained) / (largest_finite(found.wanted) or np.inf))
    return largest_ratio(found.got, explained, LEFT * growth * found.allowed)


def factor(got: np.ndarray, wanted: np.ndarray) -> float | None:
    """The factor by which one array is nearest to another; None where that is 0 everywhere."""
    squares = float((wanted**2).sum())
    return float((got * wanted).sum()) / squares if squares else None


def channels_to_end(x: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Flattened images (N, C * H * W) as (N, H * W * C).

    >>> channels_to_end(np.array([[1, 2, 10, 20]]), (2, 1, 2))
    array([[ 1, 10,  2, 20]])
    """
    return np.moveaxis(x.reshape(len(x), *sizes), 1, -1).reshape(len(x), -1)


def _trimmed(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An image that is larger than `shape`, without rows and columns of zeros.

    Padding is a layer of its own in one network, and an argument in the other.
    """
    if array.ndim != 4 or len(shape) != 4 or array.shape[:2] != shape[:2]:
        return array
    for axis in (2, 3):
        more = array.shape[axis] - shape[axis]
        values = np.moveaxis(array, axis, 0)
        before = next((n for n in range(more) if values[n].any()), max(more, 0))
        rest = values[before + shape[axis] :]
        if more > 0 and not rest.any():
            array = np.moveaxis(values[before : before + shape[axis]], 0, axis)
    return array


def _layouts(array: np.ndarray, *, channels_last: bool) -> Iterator[np.ndarray]:
    """The array with its channels first, and as it is: a sequence has none, or has them last."""
    if channels_last and array.ndim > 2:
        moved = np.moveaxis(array, -1, 1)
        yield from (moved, array) if array.ndim > 3 else (array, moved)
    else:
        yield array
