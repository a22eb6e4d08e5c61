"""Differences: what is not the same is found, and called by its name."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from weights.files.diff import compare_tensors, largest_difference
from weights.tensors import CONVOLUTION, DEPTHWISE, LINEAR, NORM_BIAS, RUNNING_VAR

BIAS = np.array([1.5, -2.25, 0.0, 4.0], np.float32)


def random(*shape: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def looks_like(kind: str, a: np.ndarray, b: np.ndarray) -> str:
    return compare_tensors("name", kind, a, b).looks_like


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_a_tensor_equals_itself(dtype: Any) -> None:
    difference = compare_tensors("bias", NORM_BIAS, BIAS.astype(dtype), BIAS.astype(dtype))

    assert difference.equal and difference.maximum == 0


@pytest.mark.parametrize(
    ("kind", "a", "b", "hint"),
    [
        (CONVOLUTION, random(4, 3, 3, 3), random(4, 3, 3, 3).swapaxes(2, 3), "kernel transposed"),
        (DEPTHWISE, random(4, 1, 3, 3), random(4, 1, 3, 3)[:, :, ::-1, ::-1], "kernel flipped"),
        (CONVOLUTION, random(4, 4, 1, 1), random(4, 4, 1, 1).swapaxes(0, 1), "O and I swapped"),
        (LINEAR, random(5, 5), random(5, 5).T, "O and I swapped"),
        (NORM_BIAS, BIAS, BIAS * np.float32(2.5), "scaled by 2.5"),
        (NORM_BIAS, BIAS, -BIAS, "scaled by -1"),
        (LINEAR, random(9, 9), random(9, 9) * np.float32(1.001), "scaled by 1.001"),
        (NORM_BIAS, random(99), random(99) + np.float32(0.5), ""),
        (NORM_BIAS, np.array([0.0, 1.0]), np.array([-0.0, 1.0]), "signs of zeros differ"),
        (NORM_BIAS, BIAS, BIAS.astype(np.float64), "F32 in A and F64 in B, the same values"),
        (
            CONVOLUTION,
            random(4, 3, 3, 1),
            random(4, 3, 3, 1).swapaxes(2, 3),
            "shape (4, 3, 3, 1) in A and (4, 3, 1, 3) in B, kernel transposed",
        ),
        (CONVOLUTION, random(4, 3, 3, 5), random(4, 3, 3, 5)[..., ::-1], "reversed along width"),
        (CONVOLUTION, random(4, 3, 1, 1), random(4, 3, 1, 1)[:, ::-1], "reversed along I"),
        (LINEAR, random(4, 6), random(4, 6)[:, [3, 4, 5, 0, 1, 2]], "halves along I exchanged"),
        (NORM_BIAS, random(8), np.roll(random(8), 4), "halves along O exchanged"),
        (
            RUNNING_VAR,
            random(9),
            random(9) + 3 * np.eye(9, dtype="f4")[4],
            "one number of 9 differs",
        ),
        (NORM_BIAS, random(3), random(4), "shape (3,) in A and (4,) in B"),
    ],
)
def test_a_usual_mistake_is_called_by_its_name(
    kind: str, a: np.ndarray, b: np.ndarray, hint: str
) -> None:
    assert looks_like(kind, a, b) == hint


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_a_rounded_tensor_is_within_the_rounding_of_its_type(dtype: Any) -> None:
    a = random(999)
    b = a.astype(dtype).astype(np.float32)

    assert looks_like(NORM_BIAS, a, b) == f"within rounding of {np.dtype(dtype).name}"


def test_a_rounded_tensor_of_the_narrow_type_says_both() -> None:
    a = random(999)

    expected = "F32 in A and F16 in B, within rounding of float16"
    assert looks_like(NORM_BIAS, a, a.astype(np.float16)) == expected


def test_double_precision_is_rounded_to_single() -> None:
    a = np.random.default_rng(5).normal(size=99)

    assert looks_like(NORM_BIAS, a, a.astype(np.float32).astype(np.float64)) == (
        "within rounding of float32"
    )


def test_one_nonzero_number_is_not_called_scaled() -> None:
    assert looks_like(NORM_BIAS, np.array([0.0, 2.0]), np.array([0.0, 3.0])) == ""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("a", "b"),
    [([1e-308, 1e-308], [1e308, 1.0]), ([1e308, 1.0], [-1e308, 1.0]), ([math.inf, 2], [1.0, 2])],
)
def test_extreme_numbers_are_compared_without_a_warning(a: list[float], b: list[float]) -> None:
    assert looks_like(NORM_BIAS, np.array(a), np.array(b)) == ""


def test_the_largest_difference_has_its_place() -> None:
    a, b = random(4, 3, 2), random(4, 3, 2)
    b[2, 0, 1] += 8

    maximum, index = largest_difference(a, b)

    assert maximum == pytest.approx(8, abs=1e-5) and index == (2, 0, 1)


@pytest.mark.parametrize(("a", "b"), [(math.nan, 1.0), (1.0, math.nan), (math.nan, -math.nan)])
def test_nan_is_a_difference(a: float, b: float) -> None:
    difference = compare_tensors("bias", NORM_BIAS, np.array([9.0, a]), np.array([5.0, b]))

    assert math.isnan(difference.maximum or 0.0) and difference.index == (1,)


def test_identical_bits_are_equal_even_in_nan_and_infinity() -> None:
    array = np.array([math.nan, math.inf, -math.inf, 1.0])

    assert compare_tensors("bias", NORM_BIAS, array, array.copy()).equal


def test_identical_bits_do_not_hide_another_difference() -> None:
    a, b = np.array([math.nan, math.inf, 1.0]), np.array([math.nan, math.inf, 4.0])

    assert largest_difference(a, b) == (3.0, (2,))


def test_infinities_of_both_signs_are_infinitely_apart() -> None:
    a, b = np.array([math.inf, 1.0]), np.array([-math.inf, 1.0])

    assert largest_difference(a, b) == (math.inf, (0,))
