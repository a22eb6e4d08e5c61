"""Convolutions of Flax that are fast on a CPU, where XLA's own are slow."""

from typing import Any

import jax
from flax import nnx

from ghost_jax.framework.shifted import depthwise, native, pointwise


class Convolution(nnx.Conv):
    """`nnx.Conv`, of which `native_convolutions` asks for XLA's own convolution everywhere.

    `module.set_attributes(native_convolutions=True)` asks all convolutions of a module for it,
    `nnx.view(module, native_convolutions=True)` those of a view: as Flax sets its modes, seen by
    `nnx.jit`, with no state beside the module. Programs that read JAX's, such as jax2onnx, then
    meet no operation that they do not know.
    """

    native_convolutions = False

    def set_view(self, native_convolutions: bool | None = None) -> None:
        """Set the mode that `nnx.view` asks for.

        Args:
          native_convolutions: whether XLA's own convolution is used on every platform.
        """
        if native_convolutions is not None:
            self.native_convolutions = native_convolutions

    def __call__(self, x: jax.Array, out_sharding: Any = None) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        if out_sharding is not None or self._is_special():
            return super().__call__(x, out_sharding)
        kernel, bias = self.kernel[...], None if self.bias is None else self.bias[...]
        x, kernel, bias = self.promote_dtype((x, kernel, bias), dtype=self.dtype)
        out = self._native(x, kernel) if self.native_convolutions else self._fast(x, kernel)
        return out if bias is None else out + bias.reshape(1, 1, 1, -1)

    def _is_special(self) -> bool:
        """Whether the user has set an attribute that only Flax's own convolution follows."""
        set_by_user = (self.mask, self.precision, self.preferred_element_type)
        own = self.conv_general_dilated is not jax.lax.conv_general_dilated
        return own or any(each is not None for each in set_by_user)

    def _geometry(self) -> tuple[Any, Any, Any]:
        """Strides, padding and dilation of both axes; hashable, which Flax does not ask for."""
        geometry: Any = (self.strides, self.padding, self.kernel_dilation)
        strides, padding, dilation = map(tuple, geometry)
        return strides, padding, dilation

    def _native(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        sizes = (self.strides, self.padding, self.kernel_dilation)
        return native(x, kernel, *sizes, self.feature_group_count)

    def _fast(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return self._native(x, kernel)


class PointwiseConvolution(Convolution):
    """`nnx.Conv` of 1x1 without padding; kernel (1, 1, C, C').

    On a CPU it is a product of matrices: XLA's convolution takes up to twice as long there.
    """

    def _fast(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        strides, _, _ = self._geometry()
        return pointwise(x, kernel, strides)


class DepthwiseConvolution(Convolution):
    """`nnx.Conv` with one group for each channel; kernel (kh, kw, 1, C * multiplier).

    On a CPU it is the sum of the shifted input times each element of the kernel: XLA's grouped
    convolution takes ten times as long there, and more for gradients (docs/performance.md).
    """

    def _fast(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return depthwise(x, kernel, *self._geometry())
