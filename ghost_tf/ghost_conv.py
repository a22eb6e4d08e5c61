"""GhostConv: a few channels by a convolution, the others from those by a cheap one."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ghost_tf.data_format import (
    channel_axis,
    checked_data_format,
    crop_channels,
    native_shape,
)
from ghost_tf.layers import (
    BatchNorm,
    activation,
    batch_norm,
    canonical_shape,
    convolution,
    depthwise_convolution,
    dtype_name,
    in_training,
)
from weights import GhostConvConfig


class ConvNormAct(keras.layers.Layer):
    """Convolution, batch normalisation, activation: one half of a GhostConv."""

    def __init__(self, conv: Any, norm: BatchNorm, act: Any, **options: Any) -> None:
        super().__init__(**options)
        self.conv = conv
        self.norm = norm
        self.act = act

    def __getitem__(self, index: int) -> Any:
        return (self.conv, self.norm, self.act)[index]

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables."""
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) to (N, H', W', C'), or channels first."""
        return self.act(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        return self.conv.compute_output_shape(input_shape)


@keras.saving.register_keras_serializable("ghost_tf")
class GhostConv(keras.layers.Layer):
    """Ghost convolution (Han et al., CVPR 2020, "GhostNet", section 3.1).

    The primary convolution makes `c_int` channels, a depthwise convolution makes the others from
    those; primary first, ghosts after, cropped to `c_out`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out), or channels first.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> layer = GhostConv(32, 64, kernel_size=3, padding=1)
    >>> tuple(layer(ops.zeros((2, 56, 56, 32))).shape)
    (2, 56, 56, 64)
    """

    architecture = "ghost_conv"

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: Any = 1,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        stride: Any = 1,
        padding: Any = 0,
        *,
        dilation: Any = 1,
        groups: int = 1,
        split: str = "round",
        activation: str = "relu",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        plan = GhostConvConfig(
            c_in,
            c_out,
            kernel_size,
            ratio,
            dw_kernel_size,
            stride,
            padding,
            dilation,
            groups,
            split,
            activation,
            bn_eps,
            bn_momentum,
        )
        super().__init__(**options)
        self.data_format = checked_data_format(data_format)
        options = {"data_format": self.data_format, "dtype": self.dtype_policy}
        self.plan = plan
        self.c_out = plan.c_out
        self.ratio = plan.ratio
        self.c_int = plan.channels.c_int
        self.primary_conv = _primary(plan, **options)
        self.cheap_conv = _cheap(plan, **options)

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build the layer in any framework."""
        return self.plan.to_dict()

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables."""
        self.plan.check_input(canonical_shape(input_shape, self.data_format), "float32")
        self.primary_conv.build(input_shape)
        if self.cheap_conv is not None:
            self.cheap_conv.build(self.primary_conv.compute_output_shape(input_shape))

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Check the input before Keras does, which would wrap the error in words of its own."""
        self._check_input(x, kwargs.get("training"))
        return super().__call__(x, *args, **kwargs)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out), or channels first."""
        self._check_input(x, training)
        primary = self.primary_conv(x, training=training)
        if self.cheap_conv is None:
            return crop_channels(primary, self.c_out, self.data_format)
        ghost = self.cheap_conv(primary, training=training)
        both = ops.concatenate([primary, ghost], axis=channel_axis(self.data_format))
        return crop_channels(both, self.c_out, self.data_format)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        shape = canonical_shape(input_shape, self.data_format)
        self.plan.check_input(shape, "float32")
        batch, _, height, width = shape
        return native_shape(self.plan.output_shape(batch, height, width), self.data_format)

    def get_config(self) -> dict[str, Any]:
        """What Keras saves: the layer's own arguments and Keras' (name, dtype policy, ...)."""
        return {**super().get_config(), **self.config, "data_format": self.data_format}

    def _check_input(self, x: Any, training: bool | None) -> None:
        training = in_training(self.primary_conv[1], training)
        shape = canonical_shape(x, self.data_format)
        self.plan.check_input(shape, dtype_name(x), training=training)


def _primary(plan: GhostConvConfig, **options: Any) -> ConvNormAct:
    c_int = plan.channels.c_int
    conv = convolution(
        plan.c_in,
        c_int,
        plan.kernel_size,
        plan.stride,
        plan.padding,
        plan.dilation,
        plan.groups,
        **options,
    )
    norm = batch_norm(c_int, plan.bn_eps, plan.bn_momentum, **options)
    return ConvNormAct(conv, norm, activation(plan.activation), dtype=options["dtype"])


def _cheap(plan: GhostConvConfig, **options: Any) -> ConvNormAct | None:
    split = plan.channels
    if not split.multiplier:
        return None
    conv = depthwise_convolution(
        split.c_int, split.multiplier, plan.dw_kernel_size, plan.dw_padding, **options
    )
    norm = batch_norm(split.c_cheap, plan.bn_eps, plan.bn_momentum, **options)
    return ConvNormAct(conv, norm, activation(plan.activation), dtype=options["dtype"])
