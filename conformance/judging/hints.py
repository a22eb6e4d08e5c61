"""Hints at the cause of a mismatch, from the pattern of the elements that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product, takewhile
from typing import Any, NamedTuple

import numpy as np

LARGEST_SHIFT = 3
# Errors below this share of the largest value may be roundings: where they are says nothing.
LAST_BITS = 2.0**-20
# A pattern that wrong elements have by chance more often than this is none.
CHANCE = 1e-3


class Compared(NamedTuple):
    """An output, its reference and the allowed errors, of one shape and in float64."""

    got: np.ndarray
    wanted: np.ndarray
    allowed: np.ndarray

    def errors(self) -> np.ndarray:
        """|got - wanted|, infinite where only one of them is NaN, or infinite of that sign."""
        got, wanted, _ = self
        same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
        finite = np.isfinite(got) & np.isfinite(wanted)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(same, 0.0, np.where(finite, np.abs(got - wanted), np.inf))

    def ratios(self) -> np.ndarray:
        """Errors over what is allowed; 0 where there is no error, whatever is allowed."""
        errors = self.errors()
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratios = np.where(errors == 0, 0.0, errors / self.allowed)
        return np.where(np.isnan(ratios), np.inf, ratios)

    def differ_in_last_bits(self) -> bool:
        """True where no error is more than a few roundings of the largest value."""
        return float(self.errors().max(initial=0.0)) <= LAST_BITS * largest_finite(self.wanted)

    def matches(self, here: Any, there: Any) -> bool:
        """True where the output at one index is the reference at another."""
        moved = Compared(self.got[here], self.wanted[there], self.allowed[there])
        return bool((moved.ratios() <= 1).all())


def largest_finite(values: np.ndarray) -> float:
    """The largest magnitude that is finite; 0 where there is none."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def hints(arrays: Compared, wrong: np.ndarray, c_int: int | None) -> Iterator[str]:
    """The hints at a mismatch with these wrong elements (N, C, H, W); none for other shapes.

    `c_int` is the number of primary channels of a GhostConv, None of other modules.
    """
    if wrong.ndim == 4 and not arrays.differ_in_last_bits():
        yield from _channel_hints(arrays, wrong, c_int)
        yield from _position_hints(arrays, wrong, c_int)


def _channel_hints(arrays: Compared, wrong: np.ndarray, c_int: int | None) -> Iterator[str]:
    channels = np.flatnonzero(wrong.any(axis=(0, 2, 3))).tolist()
    if len(channels) == 1 and _is_no_chance(1 / wrong.shape[1], wrong.sum() - 1):
        yield f"only channel {channels[0]} is wrong"
        return
    if c_int and min(channels) >= c_int and _is_no_chance(1 - c_int / wrong.shape[1], wrong.sum()):
        yield "only ghost channels are wrong: the cheap half"
    sources = _sources(arrays, channels)
    if len(sources) == len(channels):
        moved = ", ".join(f"{c} is {s}" for c, s in list(zip(channels, sources, strict=True))[:4])
        yield f"channels are permuted ({moved}{', ...' * (len(channels) > 4)})"


def _is_no_chance(share: float, count: int) -> bool:
    """Whether so many elements all lie in a share of the map for a reason."""
    return share**count < CHANCE


def _sources(arrays: Compared, channels: list[int]) -> list[int | None]:
    """The channel of the reference that each wrong channel is, up to the first that is none."""
    found = (_source(arrays, channel) for channel in channels)
    return list(takewhile(lambda source: source is not None, found))


def _source(arrays: Compared, channel: int) -> int | None:
    got, wanted, allowed = arrays
    same = (Compared(got[:, [channel]], wanted, allowed).ratios() <= 1).all(axis=(0, 2, 3))
    return next((source for source in np.flatnonzero(same).tolist() if source != channel), None)


def _position_hints(arrays: Compared, wrong: np.ndarray, c_int: int | None) -> Iterator[str]:
    height, width = wrong.shape[2:]
    inner = (height - 2) * (width - 2) / (height * width)
    on_border = min(height, width) > 2 and not wrong[:, :, 1:-1, 1:-1].any()
    if on_border and _is_no_chance(1 - inner, wrong.sum()):
        yield "only border rows or columns are wrong: padding"
    # Only the primary channels are a plain shift: the cheap half pads the shifted map anew.
    primary, wrong = Compared(*(array[:, :c_int] for array in arrays)), wrong[:, :c_int]
    if not wrong.any():
        return
    shifts = product(range(-LARGEST_SHIFT, LARGEST_SHIFT + 1), repeat=2)
    for rows, columns in sorted(shifts, key=lambda shift: abs(shift[0]) + abs(shift[1])):
        if (rows, columns) != (0, 0) and _is_shifted(primary, wrong, rows, columns):
            yield f"the map is shifted by {rows} rows and {columns} columns: asymmetric padding"
            return
    swapped = [array.swapaxes(2, 3) for array in primary[1:]]
    if height == width > 1 and (Compared(primary.got, *swapped).ratios() <= 1).all():
        yield "height and width are swapped"


def _is_shifted(arrays: Compared, wrong: np.ndarray, rows: int, columns: int) -> bool:
    height, width = wrong.shape[2:]
    here, there = (
        np.s_[:, :, max(r, 0) : height + min(r, 0), max(c, 0) : width + min(c, 0)]
        for r, c in ((rows, columns), (-rows, -columns))
    )
    # Elsewhere an almost constant map matches any shift, as do zeros, which relu gives.
    tells = wrong[here].sum() > wrong.sum() / 2 and bool(arrays.wanted[there].any())
    return tells and arrays.matches(here, there)
