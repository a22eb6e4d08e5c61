"""Layers that Flax has not: the unbiased variance, and convolutions that are fast on a CPU."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

Sizes = tuple[int, int]


class BatchNorm(nnx.BatchNorm):
    """`nnx.BatchNorm` that stores the unbiased variance, in `param_dtype`.

    Moments are computed in float32 at least, in two passes.
    """

    def __init__(self, channels: int, eps: float, momentum: float, **options: Any) -> None:
        super().__init__(channels, epsilon=eps, momentum=1 - momentum, **options)
        self.mean = nnx.BatchStat(jnp.zeros(channels, self.param_dtype))
        self.var = nnx.BatchStat(jnp.ones(channels, self.param_dtype))

    def __call__(self, x: jax.Array, use_running_average: bool | None = None) -> jax.Array:
        """Shapes: x: (N, H, W, C), the same out."""
        if use_running_average is None:
            use_running_average = self.use_running_average
        dtype = self.dtype or jnp.result_type(x, self.scale[...])
        wide = jnp.promote_types(dtype, jnp.float32)
        x = x.astype(wide)
        mean, var = self.mean[...].astype(wide), self.var[...].astype(wide)
        if not use_running_average:
            mean, var = self._update(x)
        scale = self.scale[...].astype(wide) / jnp.sqrt(var + self.epsilon)
        return ((x - mean) * scale + self.bias[...].astype(wide)).astype(dtype)

    def _update(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        count = x.size // x.shape[-1]
        mean = x.mean(axis=(0, 1, 2))
        var = jnp.square(x - mean).mean(axis=(0, 1, 2))
        unbiased = var * (count / (count - 1))
        self.mean[...] = self._moved(self.mean[...], mean)
        self.var[...] = self._moved(self.var[...], unbiased)
        return mean, var

    def _moved(self, running: jax.Array, batch: jax.Array) -> jax.Array:
        moved = running * self.momentum + batch * (1 - self.momentum)
        return jax.lax.stop_gradient(moved).astype(self.param_dtype)


class PointwiseConvolution(nnx.Conv):
    """`nnx.Conv` of 1x1 without padding; kernel (1, 1, C, C').

    On a CPU it is a product of matrices: XLA's convolution takes up to twice as long there.
    """

    def __call__(self, x: jax.Array, out_sharding: Any = None) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        dtype = self.dtype or jnp.result_type(x, self.kernel[...])
        kernel = self.kernel[...].astype(dtype)
        out = pointwise(x.astype(dtype), kernel, tuple(self.strides))
        return out if self.bias is None else out + self.bias[...].astype(dtype)


class DepthwiseConvolution(nnx.Conv):
    """`nnx.Conv` with one group for each channel; kernel (kh, kw, 1, C * multiplier).

    On a CPU it is the sum of the shifted input times each element of the kernel: XLA's grouped
    convolution takes ten times as long there, and more for gradients (docs/performance.md).
    """

    def __call__(self, x: jax.Array, out_sharding: Any = None) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C * multiplier)."""
        dtype = self.dtype or jnp.result_type(x, self.kernel[...])
        kernel = self.kernel[...].astype(dtype)
        out = depthwise(x.astype(dtype), kernel, tuple(self.strides), tuple(self.padding))
        return out if self.bias is None else out + self.bias[...].astype(dtype)


@partial(jax.jit, static_argnums=2)
def pointwise(x: jax.Array, kernel: jax.Array, stride: Sizes) -> jax.Array:
    """The convolution of 1x1 without padding, as suits the platform."""
    product = partial(_product, stride=stride)
    native = partial(_native, stride=stride, padding="VALID", groups=1)
    return jax.lax.platform_dependent(x, kernel, cpu=product, default=native)


def _product(x: jax.Array, kernel: jax.Array, *, stride: Sizes) -> jax.Array:
    # Narrow types are summed in float32, as a convolution sums them.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    x = x[:, :: stride[0], :: stride[1]]
    out = jnp.matmul(x, kernel[0, 0], preferred_element_type=wide)
    return out.astype(kernel.dtype)


@partial(jax.jit, static_argnums=(2, 3))
def depthwise(x: jax.Array, kernel: jax.Array, stride: Sizes, padding: Any) -> jax.Array:
    """The convolution with one group for each channel, as suits the platform."""
    shifted = partial(_shifted, stride=stride, padding=padding)
    native = partial(_native, stride=stride, padding=padding, groups=x.shape[-1])
    return jax.lax.platform_dependent(x, kernel, cpu=shifted, default=native)


def _shifted(x: jax.Array, kernel: jax.Array, *, stride: Sizes, padding: Any) -> jax.Array:
    # Narrow types are summed in float32, as a convolution sums them.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    # Repeated here, a gradient is eight times faster than with an axis for the multiplier.
    x = jnp.repeat(x.astype(wide), kernel.shape[-1] // x.shape[-1], axis=-1)
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    # Else XLA makes each input again for each of the taps that meet it.
    x = jax.lax.optimization_barrier(x)
    return sum_of_shifted(x, kernel[:, :, 0].astype(wide), stride).astype(kernel.dtype)


def _native(
    x: jax.Array, kernel: jax.Array, *, stride: Sizes, padding: Any, groups: int
) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def sum_of_shifted(x: jax.Array, taps: jax.Array, stride: Sizes) -> jax.Array:
    """A depthwise convolution of a padded input, one multiply-add for each of the taps.

    Shapes: x: (N, H, W, C), taps: (kh, kw, C).
    """
    return _at_once(x, taps, stride)


@sum_of_shifted.defjvp
def _derivative(stride: tuple[int, int], primals: Any, tangents: Any) -> Any:
    (x, taps), (x_tangent, taps_tangent) = primals, tangents
    out = sum_of_shifted(x, taps, stride)
    # In a loop: a gradient of the taps that XLA sees at once takes seconds to compile.
    change = sum_of_shifted(x_tangent, taps, stride) + _in_turn(x, taps_tangent, stride)
    return out, change


def _at_once(x: jax.Array, taps: jax.Array, stride: Sizes) -> jax.Array:
    first, *others = (
        _window(x, (i, j), taps.shape, stride) * taps[i, j]
        for i, j in product(*map(range, taps.shape[:2]))
    )
    return sum(others, first)


def _in_turn(x: jax.Array, taps: jax.Array, stride: Sizes) -> jax.Array:
    rows, columns, channels = taps.shape
    corners = np.array(list(product(range(rows), range(columns))))

    @jax.checkpoint
    def add(out: jax.Array, each: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        corner, tap = each
        return out + _window(x, corner, taps.shape, stride) * tap, None

    start = jnp.zeros_like(_window(x, (0, 0), taps.shape, stride))
    return jax.lax.scan(add, start, (corners, taps.reshape(-1, channels)))[0]


def _window(x: jax.Array, corner: Any, taps: Any, stride: Sizes) -> jax.Array:
    """What one of the taps meets of a padded input."""
    batch, height, width, channels = x.shape
    sizes = (batch, height - taps[0] + 1, width - taps[1] + 1, channels)
    start = (0, corner[0], corner[1], 0)
    return jax.lax.dynamic_slice(x, start, sizes)[:, :: stride[0], :: stride[1]]
