"""Layouts: every rule is its formula on indices, and has an inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weights.layout import (
    cast_floating,
    from_channels_last,
    from_depth_multiplier,
    to_channels_last,
    to_depth_multiplier,
)
from weights.tensors import (
    CONVOLUTION,
    DEPTHWISE,
    LINEAR,
    LINEAR_BIAS,
    NORM_BIAS,
    NORM_WEIGHT,
    RUNNING_MEAN,
    RUNNING_VAR,
    TensorSpec,
)

MULTIPLIERS = [1, 2, 3]
KERNELS = [(1, 1), (3, 3), (3, 5), (7, 1)]
TENSORS = [
    (CONVOLUTION, (4, 3, 3, 5)),
    (CONVOLUTION, (4, 4, 3, 3)),
    (CONVOLUTION, (3, 3, 3, 3)),
    (CONVOLUTION, (6, 1, 1, 1)),
    (DEPTHWISE, (6, 1, 3, 3)),
    (DEPTHWISE, (3, 1, 5, 3)),
    (LINEAR, (10, 64)),
    (LINEAR, (5, 5)),
    (LINEAR_BIAS, (10,)),
    (NORM_WEIGHT, (8,)),
    (NORM_BIAS, (8,)),
    (RUNNING_MEAN, (8,)),
    (RUNNING_VAR, (8,)),
]


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """An array of which every element is another."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(("kind", "shape"), TENSORS)
def test_from_channels_last_is_the_inverse(kind: str, shape: tuple[int, ...]) -> None:
    spec, array = TensorSpec("weight", kind, shape), numbered(shape)

    np.testing.assert_array_equal(from_channels_last(to_channels_last(array, spec), spec), array)


@pytest.mark.parametrize(("kind", "shape"), TENSORS)
def test_layouts_are_in_c_order(kind: str, shape: tuple[int, ...]) -> None:
    spec = TensorSpec("weight", kind, shape)
    native = to_channels_last(numbered(shape), spec)

    assert native.flags.c_contiguous and from_channels_last(native, spec).flags.c_contiguous


def test_channels_last_puts_the_element_o_i_a_b_at_a_b_i_o() -> None:
    canonical = numbered((4, 3, 2, 5))
    native = to_channels_last(canonical, TensorSpec("weight", CONVOLUTION, canonical.shape))

    for o, i, a, b in np.ndindex(canonical.shape):
        assert native[a, b, i, o] == canonical[o, i, a, b]


def test_a_linear_weight_is_transposed_even_when_square() -> None:
    canonical = numbered((5, 5))

    native = to_channels_last(canonical, TensorSpec("weight", LINEAR, (5, 5)))

    np.testing.assert_array_equal(native, canonical.T)


@pytest.mark.parametrize("multiplier", MULTIPLIERS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_primary_channel_c_owns_the_ghosts_from_c_times_m(
    multiplier: int, kernel: tuple[int, int]
) -> None:
    canonical = numbered((4 * multiplier, 1, *kernel))
    native = to_depth_multiplier(canonical, channels=4)

    assert native.shape == (*kernel, 4, multiplier)
    for a, b, c, m in np.ndindex(native.shape):
        assert native[a, b, c, m] == canonical[c * multiplier + m, 0, a, b]


@pytest.mark.parametrize("multiplier", MULTIPLIERS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_from_depth_multiplier_is_the_inverse(multiplier: int, kernel: tuple[int, int]) -> None:
    canonical = numbered((4 * multiplier, 1, *kernel))
    back = from_depth_multiplier(to_depth_multiplier(canonical, channels=4))

    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, canonical)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_cast_floating_casts_floating_numbers(dtype: Any) -> None:
    assert cast_floating(np.ones((2, 3)), dtype).dtype == dtype


def test_cast_floating_leaves_integers_for_the_layer_to_refuse() -> None:
    assert cast_floating(np.ones(3, np.uint8), np.float32).dtype == np.uint8


def test_cast_floating_gives_a_copy_in_c_order() -> None:
    array = np.ones((2, 3), np.float32, order="F")
    copy = cast_floating(array, np.float32)

    assert copy.flags.c_contiguous and not np.shares_memory(copy, array)
