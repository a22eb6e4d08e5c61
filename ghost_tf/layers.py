"""The framework's own layers, as this project uses them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import keras
from keras import ops

from ghost_tf.data_format import channel_axis, native_shape, pad_rows_and_columns, subsample
from weights import arithmetic
from weights.arithmetic import Pair
from weights.convolutions import SINGLE_VALUE


def _identity(x: Any) -> Any:
    return x


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "silu": ops.silu,
    "hard_swish": ops.hard_silu,
    "identity": _identity,
}


class Convolution(keras.layers.Layer):
    """A convolution without bias, with symmetric explicit padding; kernel (kh, kw, I/groups, O)."""

    def __init__(
        self, c_out: int, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair,
        groups: int, *, data_format: str, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(**options)
        self.c_out = c_out
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.data_format = data_format

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the kernel."""
        c_in = canonical_shape(input_shape, self.data_format)[1]
        canonical = arithmetic.kernel_shape(c_in, self.c_out, self.kernel_size, self.groups)
        shape = (*canonical[2:], *canonical[1::-1])
        self.kernel = self.add_weight(shape, _uniform(prod(shape[:3])), name="kernel")

    def call(self, x: Any) -> Any:
        """Shapes: x: (N, H, W, C) or (N, C, H, W), the same order out."""
        x = pad_rows_and_columns(x, self.padding, self.data_format)
        strided_and_dilated = max(self.stride) > 1 and max(self.dilation) > 1
        # TensorFlow refuses a stride together with a dilation: take every stride-th output.
        stride = (1, 1) if strided_and_dilated else self.stride
        x = ops.conv(x, self.kernel, stride, "valid", self.data_format, self.dilation)
        return subsample(x, self.stride, self.data_format) if strided_and_dilated else x

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        batch, _, *sizes = canonical_shape(input_shape, self.data_format)
        settings = zip(
            sizes, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
        )
        sizes = [None if a[0] is None else arithmetic.output_size(*a) for a in settings]
        return native_shape((batch, self.c_out, *sizes), self.data_format)


class DepthwiseConvolution(keras.layers.Layer):
    """A depthwise convolution that keeps height and width; kernel (kh, kw, C, multiplier)."""

    def __init__(
        self, multiplier: int, kernel_size: int, padding: int, *, data_format: str, **options: Any
    ) -> None:
        super().__init__(**options)
        self.multiplier = multiplier
        self.kernel_size = kernel_size
        self.padding = padding
        self.data_format = data_format

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the kernel."""
        channels = canonical_shape(input_shape, self.data_format)[1]
        shape = (self.kernel_size, self.kernel_size, channels, self.multiplier)
        self.kernel = self.add_weight(shape, _uniform(self.kernel_size**2), name="kernel")

    def call(self, x: Any) -> Any:
        """Shapes: x: (N, H, W, C) or (N, C, H, W), the same order out."""
        x = pad_rows_and_columns(x, (self.padding, self.padding), self.data_format)
        return ops.depthwise_conv(x, self.kernel, (1, 1), "valid", self.data_format)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        batch, channels, *sizes = canonical_shape(input_shape, self.data_format)
        return native_shape((batch, channels * self.multiplier, *sizes), self.data_format)


class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that stores the unbiased variance.

    Moments are computed in float32 at least, in two passes.
    """

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) or (N, C, H, W), the same out."""
        wide = keras.backend.result_type(x.dtype, "float32")
        x = ops.cast(x, wide)
        mean, var = ops.cast(self.moving_mean, wide), ops.cast(self.moving_variance, wide)
        if in_training(self, training):
            mean, var = self._update(x)
        # Not rsqrt, nor Keras' batch_normalization, which calls it: TensorFlow's rsqrt(1) is not 1.
        scale = ops.cast(self.gamma, wide) / ops.sqrt(var + self.epsilon)
        mean, scale, bias = (
            ops.reshape(vector, self._vector_shape)
            for vector in (mean, scale, ops.cast(self.beta, wide))
        )
        return ops.cast((x - mean) * scale + bias, self.compute_dtype)

    @property
    def _vector_shape(self) -> tuple[int, ...]:
        return (-1, 1, 1) if self.axis == 1 else (-1,)

    def _update(self, x: Any) -> tuple[Any, Any]:
        count = _count(x, self._reduction_axes)
        x = _checked_variance(x, count)
        mean = ops.mean(x, self._reduction_axes, keepdims=True)
        var = ops.mean(ops.square(x - mean), self._reduction_axes)
        mean = ops.squeeze(mean, self._reduction_axes)
        count = ops.cast(count, x.dtype)
        unbiased = var * (count / (count - 1))
        self.moving_mean.assign(self._moved(self.moving_mean, mean))
        self.moving_variance.assign(self._moved(self.moving_variance, unbiased))
        return mean, var

    def _moved(self, running: Any, batch: Any) -> Any:
        return ops.cast(running, batch.dtype) * self.momentum + batch * (1 - self.momentum)


def convolution(
    c_in: int,
    c_out: int,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    **options: Any,
) -> Convolution:
    """A convolution without bias, with symmetric explicit padding."""
    return Convolution(c_out, kernel_size, stride, padding, dilation, groups, **options)


def depthwise_convolution(
    channels: int, multiplier: int, kernel_size: int, padding: int, **options: Any
) -> DepthwiseConvolution:
    """A convolution in which channel c alone makes outputs c*multiplier ... (c+1)*multiplier-1."""
    return DepthwiseConvolution(multiplier, kernel_size, padding, **options)


def batch_norm(
    channels: int, eps: float, momentum: float, *, data_format: str, **options: Any
) -> BatchNorm:
    """Batch normalisation that stores the unbiased variance."""
    return BatchNorm(channel_axis(data_format), 1 - momentum, eps, **options)


def linear(features: int, classes: int, *, data_format: str, **options: Any) -> keras.layers.Dense:
    """A linear layer with bias."""
    return keras.layers.Dense(
        classes,
        kernel_initializer=_uniform(features),
        bias_initializer=_uniform(features),
        **options,
    )


def activation(name: str) -> Callable[[Any], Any]:
    """The activation of that name."""
    return ACTIVATIONS[name]


def in_training(norm: BatchNorm, training: Any = None) -> bool:
    """Whether the normalisation will use the statistics of the batch."""
    return bool(training) and norm.trainable


def canonical_shape(x: Any, data_format: str) -> tuple[Any, ...]:
    """Shape of the input as (N, C, H, W)."""
    shape = tuple(getattr(x, "shape", x))
    if len(shape) != 4 or data_format == "channels_first":
        return shape
    batch, height, width, channels = shape
    return batch, channels, height, width


def dtype_name(x: Any) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return keras.backend.standardize_dtype(getattr(x, "dtype", "float32"))


def _count(x: Any, axes: list[int]) -> Any:
    shape = ops.shape(x)
    return prod(shape[axis] for axis in axes)


def _checked_variance(x: Any, count: Any) -> Any:
    """`x`; a `count` that TensorFlow learns at run time only is checked there, by its assert."""
    if isinstance(count, int):
        return x
    import tensorflow as tf

    check = tf.debugging.assert_greater(count, 1, message=SINGLE_VALUE)
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(x)


def _uniform(fan_in: int) -> keras.initializers.Initializer:
    bound = arithmetic.uniform_bound(fan_in)
    return keras.initializers.RandomUniform(-bound, bound)
