"""Convolutions that are fast on a CPU: products of matrices, and shifted multiply-adds."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from weights.modules.convolutions import MOST_TAPS

Sizes = tuple[int, int]


def wide_type(dtype: Any) -> Any:
    """The type in which values of that type are summed: float32 at least."""
    return jnp.dtype(dtype) if jnp.finfo(dtype).bits > 32 else jnp.dtype(jnp.float32)


@partial(jax.jit, static_argnums=2)
def pointwise(x: jax.Array, kernel: jax.Array, stride: Sizes) -> jax.Array:
    """The convolution of 1x1 without padding, as suits the platform."""
    product = partial(_product, stride=stride)
    otherwise = partial(native, stride=stride, padding="VALID")
    return jax.lax.platform_dependent(x, kernel, cpu=product, default=otherwise)


def _product(x: jax.Array, kernel: jax.Array, *, stride: Sizes) -> jax.Array:
    x = strided(x, stride)
    # Of two axes: the kernel's gradient takes half the time. Narrow types are summed in float32, as
    # a convolution sums them.
    rows, wide = x.reshape(-1, x.shape[-1]), wide_type(x.dtype)
    out = jnp.matmul(rows, kernel[0, 0], preferred_element_type=wide).astype(kernel.dtype)
    return out.reshape(*x.shape[:-1], kernel.shape[-1])


@partial(jax.jit, static_argnums=(2, 3, 4))
def depthwise(
    x: jax.Array, kernel: jax.Array, stride: Sizes, padding: Any, dilation: Sizes
) -> jax.Array:
    """The convolution with one group for each channel, as suits the platform."""
    shifted = partial(_shifted, stride=stride, padding=padding, dilation=dilation)
    otherwise = partial(
        native, stride=stride, padding=padding, dilation=dilation, groups=x.shape[-1]
    )
    if kernel.shape[0] * kernel.shape[1] > MOST_TAPS:
        return otherwise(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=shifted, default=otherwise)


def _shifted(
    x: jax.Array, kernel: jax.Array, *, stride: Sizes, padding: Any, dilation: Sizes
) -> jax.Array:
    # Narrow types are summed in float32, as a convolution sums them.
    wide = wide_type(x.dtype)
    # Repeated here, a gradient is eight times faster than with an axis for the multiplier.
    x = jnp.repeat(x.astype(wide), kernel.shape[-1] // x.shape[-1], axis=-1)
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    # Without this XLA computes the input again for each of the taps.
    x = jax.lax.optimization_barrier(x)
    out = sum_of_shifted(x, kernel[:, :, 0].astype(wide), stride, dilation)
    return out.astype(kernel.dtype)


def native(
    x: jax.Array, kernel: jax.Array, stride: Any, padding: Any, dilation: Any = (1, 1),
    groups: int = 1,
) -> jax.Array:  # fmt: skip
    """XLA's own convolution."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def sum_of_shifted(x: jax.Array, taps: jax.Array, stride: Sizes, dilation: Sizes) -> jax.Array:
    """A depthwise convolution of a padded input, one multiply-add for each of the taps.

    Shapes: x: (N, H, W, C), taps: (kh, kw, C).
    """
    return _at_once(x, taps, stride, dilation)


@sum_of_shifted.defjvp
def _derivative(stride: Sizes, dilation: Sizes, primals: Any, tangents: Any) -> Any:
    (x, taps), (x_tangent, taps_tangent) = primals, tangents
    sizes = stride, dilation
    out = sum_of_shifted(x, taps, *sizes)
    # In a loop: a gradient of the taps that XLA sees at once takes seconds to compile.
    change = _scattered(x_tangent, taps, *sizes) + _in_turn(x, taps_tangent, *sizes)
    return out, change


def _at_once(x: jax.Array, taps: jax.Array, stride: Sizes, dilation: Sizes) -> jax.Array:
    (down, right), reach = dilation, _reach(taps, dilation)
    first, *others = (
        _window(x, (down * i, right * j), reach, stride) * tap for (i, j), tap in _each(taps)
    )
    return sum(others, first)


def _each(taps: jax.Array) -> Iterator[tuple[Sizes, jax.Array]]:
    """The place of each of the taps, and its values: (1, 1, 1, C)."""
    rows, columns, channels = taps.shape
    in_order = taps.reshape(-1, 1, 1, channels)
    for place, corner in enumerate(product(range(rows), range(columns))):
        yield corner, jax.lax.slice_in_dim(in_order, place, place + 1)


def _scattered(x: jax.Array, taps: jax.Array, stride: Sizes, dilation: Sizes) -> jax.Array:
    """The same sum, in the order whose gradient is a sum of shifted values again.

    That of `_at_once` pads each of its terms, and XLA computes the cotangent for each anew.
    """
    (down, right), (rows, columns) = dilation, _reach(taps, dilation)
    first, *others = (
        _padded(x * tap, (rows - down * i, down * i), (columns - right * j, right * j))
        for (i, j), tap in _each(taps)
    )
    out = jax.lax.optimization_barrier(sum(others, first))
    return strided(_padded(out, (-rows, -rows), (-columns, -columns)), stride)


def _reach(taps: jax.Array, dilation: Sizes) -> Sizes:
    """How many rows and columns lie between the first of the taps and the last."""
    rows, columns, _ = taps.shape
    return (rows - 1) * dilation[0], (columns - 1) * dilation[1]


def _padded(x: jax.Array, rows: Sizes, columns: Sizes) -> jax.Array:
    """So many zeros before and after, or so many fewer values."""
    around = [(before, after, 0) for before, after in ((0, 0), rows, columns, (0, 0))]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), around)


def _in_turn(x: jax.Array, taps: jax.Array, stride: Sizes, dilation: Sizes) -> jax.Array:
    rows, columns, channels = taps.shape
    reach = _reach(taps, dilation)
    corners = np.array(list(product(range(rows), range(columns)))) * dilation

    @jax.checkpoint
    def add_one(out: jax.Array, each: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        corner, tap = each
        return out + _window(x, corner, reach, stride) * tap, None

    start = jnp.zeros_like(_window(x, (0, 0), reach, stride))
    return jax.lax.scan(add_one, start, (corners, taps.reshape(-1, 1, 1, 1, channels)))[0]


def _window(x: jax.Array, corner: Any, reach: Sizes, stride: Sizes) -> jax.Array:
    """The values of a padded input that one of the taps multiplies."""
    batch, height, width, channels = x.shape
    start, sizes = (0, *corner, 0), (batch, height - reach[0], width - reach[1], channels)
    if all(isinstance(each, int) for each in (*start, *sizes)):
        end = tuple(map(add, start, sizes))
        return jax.lax.slice(x, start, end, (1, *stride, 1))
    # Of sizes that are symbols, or in a loop.
    return strided(jax.lax.dynamic_slice(x, start, sizes), stride)


def strided(x: jax.Array, stride: Sizes) -> jax.Array:
    """Every so many rows and columns; unlike slicing, of sizes that are symbols too."""
    for axis, step in enumerate(stride, start=1):
        x = jax.lax.slice_in_dim(x, 0, None, step, axis) if step > 1 else x
    return x
