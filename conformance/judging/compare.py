"""Comparing an output with the oracle's: the worst element, and what the mismatch looks like."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from conformance.judging.verdict import Outcome, Pattern, Worst

LARGEST_SHIFT = 3
# Rows, columns or channels of a map that is small enough to be drawn.
LARGEST_PICTURE = 64


def compare_arrays(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray | float, *, c_int: int | None = None
) -> Outcome:
    """Pass where |got - wanted| <= allowed everywhere, and NaN and infinity are the same.

    `c_int`, of a GhostConv, lets the hint tell its two halves apart.
    """
    got = np.asarray(got)
    if got.shape != wanted.shape:
        return Outcome.failed(f"the output has shape {got.shape}, wanted {wanted.shape}")
    if got.dtype.kind != "f" and got.dtype.type.__module__ != "ml_dtypes":
        return Outcome.failed(f"the output is of type {got.dtype.name}, wanted floating point")
    got = got.astype(np.float64)
    allowed = np.broadcast_to(np.asarray(allowed, np.float64), wanted.shape)
    error, ratio = _ratios(got, wanted, allowed)
    worst = float(ratio.max(initial=0.0))
    if worst <= 1:
        return Outcome.passed(worst)
    mismatch = ratio > 1
    message = f"{mismatch.sum()} of {mismatch.size} elements are wrong"
    element = _element(ratio, got, wanted, error, allowed)
    return Outcome.failed(
        message,
        element,
        hint(got, wanted, allowed, mismatch, c_int=c_int),
        ratio=worst,
        pattern=_pattern(mismatch),
    )


def hint(
    got: np.ndarray,
    wanted: np.ndarray,
    allowed: np.ndarray,
    mismatch: np.ndarray,
    *,
    c_int: int | None = None,
) -> str:
    """What the pattern of a mismatch looks like, or an empty string."""
    if mismatch.ndim != 4:
        return ""
    return "; ".join(
        [
            *_channel_hints(got, wanted, allowed, mismatch, c_int),
            *_place_hints(got, wanted, allowed, mismatch, c_int or got.shape[1]),
        ]
    )


def _pattern(mismatch: np.ndarray) -> Pattern | None:
    """A small picture of where a map is wrong, None of anything else and of large maps."""
    if mismatch.ndim != 4 or max(mismatch.shape[1:]) > LARGEST_PICTURE:
        return None
    shares = mismatch.astype(np.float32)
    places = tuple(tuple(map(_short, row)) for row in shares.mean(axis=(0, 1)))
    return Pattern(places, tuple(map(_short, shares.mean(axis=(0, 2, 3)))))


def _short(share: np.float32) -> float:
    return round(float(share), 3)


def _ratios(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Errors, and errors over what is allowed; a mask that differs is an infinite ratio."""
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    finite = np.isfinite(got) & np.isfinite(wanted)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.where(same, 0.0, np.where(finite, np.abs(got - wanted), np.inf))
        ratio = np.where(error == 0, 0.0, error / allowed)
    return error, np.where(np.isnan(ratio), np.inf, ratio)


def _element(
    ratio: np.ndarray, got: np.ndarray, wanted: np.ndarray, error: np.ndarray, allowed: np.ndarray
) -> Worst:
    index = np.unravel_index(ratio.argmax(), ratio.shape)
    values = (float(array[index]) for array in (got, wanted, error, allowed, ratio))
    return Worst(tuple(int(i) for i in index), *values)


def _channel_hints(
    got: np.ndarray,
    wanted: np.ndarray,
    allowed: np.ndarray,
    mismatch: np.ndarray,
    c_int: int | None,
) -> Iterator[str]:
    wrong = np.flatnonzero(mismatch.any(axis=(0, 2, 3)))
    if len(wrong) == 1:
        yield f"only channel {wrong[0]} is wrong"
    elif c_int and wrong.min() >= c_int:
        yield "only ghost channels are wrong: the cheap half"
    sources = _matching_channels(got, wanted, allowed, wrong)
    if len(wrong) > 1 and len(sources) == len(wrong):
        moved = ", ".join(f"{c} is {s}" for c, s in zip(wrong[:4], sources, strict=False))
        yield f"channels are permuted ({moved}{', ...' * (len(wrong) > 4)})"


def _matching_channels(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray, wrong: np.ndarray
) -> list[int]:
    """The channel that each of the wrong ones is, up to the first that is none."""
    sources = []
    for channel in wrong:
        source = _matching_channel(got, wanted, allowed, int(channel))
        if source is None:
            break
        sources.append(source)
    return sources


def _matching_channel(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray, channel: int
) -> int | None:
    axes = (0, 2, 3)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(wanted.mean(axis=axes) - got[:, channel].mean(dtype=np.float64))
        # Where the means differ by more, some element does; NaN rules nothing out.
        candidates = ~(apart > 2 * allowed.mean(axis=axes))
    for source in np.flatnonzero(candidates):
        if source != channel and _close(got[:, channel], wanted[:, source], allowed[:, source]):
            return int(source)
    return None


def _place_hints(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray, mismatch: np.ndarray, c_int: int
) -> Iterator[str]:
    height, width = mismatch.shape[2:]
    if min(height, width) > 2 and not mismatch[:, :, 1:-1, 1:-1].any():
        yield "only border rows or columns are wrong: padding"
    # The cheap half pads the shifted map anew: only the primary channels are a plain shift.
    got, wanted, allowed = (array[:, :c_int] for array in (got, wanted, allowed))
    shifts = product(range(-LARGEST_SHIFT, LARGEST_SHIFT + 1), repeat=2)
    for rows, columns in sorted(shifts, key=lambda shift: abs(shift[0]) + abs(shift[1])):
        if (rows, columns) != (0, 0) and _is_shifted(got, wanted, allowed, rows, columns):
            yield f"the map is shifted by {rows} rows and {columns} columns: asymmetric padding"
            return
    if height == width > 1 and _close(got, wanted.swapaxes(2, 3), allowed.swapaxes(2, 3)):
        yield "height and width are swapped"


def _is_shifted(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray, rows: int, columns: int
) -> bool:
    height, width = got.shape[2:]
    here = np.s_[
        :, :, max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)
    ]
    there = np.s_[
        :, :, max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)
    ]
    # A row or column of relu's zeros is everybody's shift.
    is_telling = wanted[there].size >= wanted.size / 4 and bool(wanted[there].any())
    return is_telling and _close(got[here], wanted[there], allowed[there])


def _close(got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray) -> bool:
    return bool((_ratios(got, wanted, allowed)[1] <= 1).all())
