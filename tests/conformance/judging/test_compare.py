"""Comparisons: the status, the worst element and the hint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conformance.judging.compare import compare_arrays

WANTED = np.random.default_rng(0).normal(size=(2, 6, 5, 5))


def changed(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return change(WANTED.copy())


def set_at(array: np.ndarray, index: object, value: float) -> np.ndarray:
    array[index] = value
    return array


def test_equal_arrays_pass_with_nothing_allowed() -> None:
    outcome = compare_arrays(WANTED, WANTED, 0.0)
    assert (outcome.status, outcome.ratio) == ("pass", 0.0)


def test_the_sign_of_a_zero_is_no_difference() -> None:
    assert compare_arrays(np.full((1, 1, 2, 2), -0.0), np.zeros((1, 1, 2, 2)), 0.0).status == "pass"


def test_the_ratio_is_error_over_allowed() -> None:
    got = changed(lambda a: set_at(a, (1, 2, 3, 4), a[1, 2, 3, 4] + 0.5))
    outcome = compare_arrays(got, WANTED, 1.0)
    assert outcome.status == "pass"
    assert outcome.ratio == pytest.approx(0.5)


def test_the_worst_element_is_told_in_full() -> None:
    got = changed(lambda a: set_at(a, (1, 2, 3, 4), 100.0))
    got[0, 0, 0, 0] += 0.1
    worst = compare_arrays(got, WANTED, 0.01).worst
    assert worst.index == (1, 2, 3, 4)
    assert worst.got == 100.0
    assert worst.wanted == WANTED[1, 2, 3, 4]
    assert worst.error == pytest.approx(100 - WANTED[1, 2, 3, 4])
    assert worst.allowed == 0.01
    assert worst.ratio == pytest.approx(worst.error / 0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_special_value_where_there_is_none_fails_whatever_is_allowed(value: float) -> None:
    got = changed(lambda a: set_at(a, (0, 0, 0, 0), value))
    assert compare_arrays(got, WANTED, 1e300).status == "fail"
    assert compare_arrays(WANTED, got, 1e300).status == "fail"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_same_special_value_passes(value: float) -> None:
    got = changed(lambda a: set_at(a, (0, 0, 0, 0), value))
    assert compare_arrays(got, got.copy(), 0.0).status == "pass"


def test_infinities_of_other_sign_differ() -> None:
    assert compare_arrays(np.full((1, 1), np.inf), np.full((1, 1), -np.inf), 1e300).status == "fail"


def test_another_shape_fails_with_both_shapes() -> None:
    outcome = compare_arrays(WANTED[:, :3], WANTED, 1e300)
    assert outcome.message == "the output has shape (2, 3, 5, 5), wanted (2, 6, 5, 5)"


def test_an_output_of_integers_fails() -> None:
    outcome = compare_arrays(WANTED.astype(int), WANTED, 1e300)
    assert outcome.message == "the output is of type int64, wanted floating point"


def border(array: np.ndarray) -> np.ndarray:
    inner = array[:, :, 1:-1, 1:-1].copy()
    array += 1
    array[:, :, 1:-1, 1:-1] = inner
    return array


HINTS = {
    "one channel": (
        lambda a: set_at(a, np.s_[:, 3], 9.0),
        "only channel 3 is wrong",
    ),
    "ghosts": (
        lambda a: set_at(a, np.s_[:, 3:], 9.0),
        "only ghost channels are wrong: the cheap half",
    ),
    "permuted": (
        lambda a: a[:, [1, 0, 2, 3, 4, 5]],
        "channels are permuted (0 is 1, 1 is 0)",
    ),
    "border": (border, "only border rows or columns are wrong: padding"),
    "shifted": (
        lambda a: np.roll(a, (1, -1), axis=(2, 3)),
        "the map is shifted by 1 rows and -1 columns: asymmetric padding",
    ),
    "swapped": (lambda a: a.swapaxes(2, 3), "height and width are swapped"),
}


@pytest.mark.parametrize("name", HINTS)
def test_a_pattern_is_named(name: str) -> None:
    change, wanted = HINTS[name]
    assert wanted in compare_arrays(changed(change), WANTED, 1e-6, c_int=3).hint


def test_noise_has_no_hint() -> None:
    noise = np.random.default_rng(1).normal(size=WANTED.shape)
    assert compare_arrays(WANTED + noise, WANTED, 1e-6, c_int=3).hint == ""


def test_a_last_bit_has_no_hint() -> None:
    got = WANTED.copy()
    got[:, 4] = np.nextafter(got[:, 4].astype(np.float32), np.float32(np.inf))

    assert compare_arrays(got, WANTED, 0.0, c_int=3).hint == ""


def test_an_almost_constant_map_tells_of_no_shift() -> None:
    wanted = np.ones((1, 2, 8, 8))
    wanted[..., 5, 5] = 3
    got = np.ones((1, 2, 8, 8))
    got[..., 2, 3] = 3

    assert compare_arrays(got, wanted, 1e-6, c_int=2).hint == ""


def test_right_primary_channels_are_not_moved() -> None:
    wanted = np.ones((1, 4, 6, 6))
    got = wanted.copy()
    got[:, 2:] = 7

    assert compare_arrays(got, wanted, 1e-6, c_int=2).hint == HINTS["ghosts"][1]


def test_one_wrong_element_has_no_pattern() -> None:
    got = WANTED.copy()
    got[0, 4, 0, 0] += 1

    assert compare_arrays(got, WANTED, 1e-6, c_int=3).hint == ""
