"""Comparing an output with its reference: the outcome and the element with the largest error."""

from __future__ import annotations

import numpy as np

from conformance.judging.hints import Compared, hints
from conformance.judging.verdict import Outcome, Pattern, Status, Worst

# Rows, columns or channels of the largest map of which a pattern is kept.
LARGEST_PATTERN = 64


def compare_arrays(
    got: np.ndarray, wanted: np.ndarray, allowed: np.ndarray | float, *, c_int: int | None = None
) -> Outcome:
    """Compare an output with its reference, element by element.

    It passes where |got - wanted| <= allowed everywhere, and NaN and infinity are in the same
    places. `allowed` is broadcast to the shape of `wanted`; `c_int`, the number of primary channels
    of a GhostConv, lets the hint tell its two halves apart.
    """
    got = np.asarray(got)
    if got.shape != wanted.shape:
        return Outcome.failed(f"the output has shape {got.shape}, wanted {wanted.shape}")
    if got.dtype.kind != "f" and got.dtype.type.__module__ != "ml_dtypes":
        return Outcome.failed(f"the output is of type {got.dtype.name}, wanted floating point")
    allowed = np.broadcast_to(np.asarray(allowed, np.float64), wanted.shape)
    arrays = Compared(got.astype(np.float64), wanted, allowed)
    ratios = arrays.ratios()
    ratio = float(ratios.max(initial=0.0))
    if ratio <= 1:
        return Outcome.passed(ratio)
    wrong = ratios > 1
    return Outcome(
        Status.FAIL,
        ratio,
        f"{wrong.sum()} of {wrong.size} elements are wrong",
        _worst(arrays, ratios),
        "; ".join(hints(arrays, wrong, c_int)),
        _pattern(wrong),
    )


def _worst(arrays: Compared, ratios: np.ndarray) -> Worst:
    index = np.unravel_index(ratios.argmax(), ratios.shape)
    got, wanted, allowed = (float(array[index]) for array in arrays)
    error, ratio = float(arrays.errors()[index]), float(ratios[index])
    return Worst(tuple(map(int, index)), got, wanted, error, allowed, ratio)


def _pattern(wrong: np.ndarray) -> Pattern | None:
    """The shares of wrong elements (N, C, H, W), None of other shapes and of large maps."""
    if wrong.ndim != 4 or max(wrong.shape[1:]) > LARGEST_PATTERN:
        return None
    places, channels = (
        np.round(wrong.mean(axis=axes, dtype=np.float32).astype(float), 3).tolist()
        for axes in ((0, 1), (0, 2, 3))
    )
    return Pattern(tuple(map(tuple, places)), tuple(channels))
