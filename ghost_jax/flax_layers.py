"""Flax's convolutions, where XLA's own are slow on a CPU."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx

from ghost_jax.shifted import depthwise, pointwise


class Convolution(nnx.Conv):
    """`nnx.Conv`; `native_convolutions` asks its kinds for XLA's own convolution everywhere."""

    native_convolutions = False


class PointwiseConvolution(Convolution):
    """`nnx.Conv` of 1x1 without padding; kernel (1, 1, C, C').

    On a CPU it is a product of matrices: XLA's convolution takes up to twice as long there.
    """

    def __call__(self, x: jax.Array, out_sharding: Any = None) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        if _as_in_flax(self, out_sharding):
            return super().__call__(x, out_sharding)
        x, kernel, bias = _promoted(self, x)
        out = pointwise(x, kernel, tuple(self.strides))
        return out if bias is None else out + bias


class DepthwiseConvolution(Convolution):
    """`nnx.Conv` with one group for each channel; kernel (kh, kw, 1, C * multiplier).

    On a CPU it is the sum of the shifted input times each element of the kernel: XLA's grouped
    convolution takes ten times as long there, and more for gradients (docs/performance.md).
    """

    def __call__(self, x: jax.Array, out_sharding: Any = None) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C * multiplier)."""
        if _as_in_flax(self, out_sharding):
            return super().__call__(x, out_sharding)
        x, kernel, bias = _promoted(self, x)
        out = depthwise(x, kernel, tuple(self.strides), tuple(self.padding))
        return out if bias is None else out + bias


def _as_in_flax(conv: Any, out_sharding: Any) -> bool:
    """Whether the user asks for what only Flax's own convolution does."""
    asked = (conv.mask, conv.precision, conv.preferred_element_type, out_sharding)
    own = conv.conv_general_dilated is not jax.lax.conv_general_dilated
    return conv.native_convolutions or own or any(each is not None for each in asked)


def _promoted(conv: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Input, kernel and bias in the type of the result; the bias with as many axes."""
    kernel, bias = conv.kernel[...], None if conv.bias is None else conv.bias[...]
    x, kernel, bias = conv.promote_dtype((x, kernel, bias), dtype=conv.dtype)
    return x, kernel, None if bias is None else bias.reshape(1, 1, 1, -1)
