"""GhostConv: a few channels by a convolution, the others from those by a cheap one."""

from typing import Any, Unpack

import keras

from ghost_tf.attention import dfc_gate, short_conv
from ghost_tf.framework.batch_norm import BatchNorm
from ghost_tf.framework.data_format import DataFormat, concatenate, crop_channels
from ghost_tf.framework.options import KerasOptions
from ghost_tf.layers import activation, convolution, norm_after
from ghost_tf.saving.composed import Composed, revived, serialised, settle
from ghost_tf.saving.planned import Planned
from weights import GhostConvConfig
from weights.modules.arguments import Activation, Size, Split
from weights.modules.convolutions import ConvolutionPlan
from weights.modules.forms import PlainForm
from weights.modules.ghost_conv import GhostConvV2Config


@keras.saving.register_keras_serializable("ghost_tf")
class ConvNormAct(Composed, keras.layers.Layer):
    """Convolution, batch normalisation, activation: one half of a GhostConv."""

    def __init__(
        self, conv: Any, norm: BatchNorm, act: Any, **options: Unpack[KerasOptions]
    ) -> None:
        super().__init__(**options)
        self.conv = conv
        self.norm = norm
        self.act = act
        settle(self)

    def __getitem__(self, index: int) -> Any:
        return (self.conv, self.norm, self.act)[index]

    def get_config(self) -> dict[str, Any]:
        """The three parts, and the layer's own name and flags, for saving."""
        return {**super().get_config(), **serialised(conv=self.conv, norm=self.norm, act=self.act)}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        return super()._from_arguments(revived(arguments, "conv", "norm", "act"))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) to (N, H', W', C'), or channels first."""
        return self.act(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        return self.conv.compute_output_shape(input_shape)


def conv_norm_act(
    plan: ConvolutionPlan, eps: float, momentum: float, act: str, **options: Any
) -> ConvNormAct:
    """A convolution, its batch normalisation if one follows, and the activation of that name."""
    norm = norm_after(plan, eps, momentum, **options)
    conv = convolution(plan, **options)
    return ConvNormAct(conv, norm, activation(act), dtype=options["dtype"])


@keras.saving.register_keras_serializable("ghost_tf")
class GhostConv(Planned, keras.layers.Layer):
    """Ghost convolution (Han et al., CVPR 2020, "GhostNet", section 3.1).

    The primary convolution makes `c_int` channels, a depthwise convolution makes the others from
    those; primary first, ghosts after, cropped to `c_out`.

    Args:
        c_in, c_out: channels of input and output.
        kernel_size, stride, padding, dilation: of the primary convolution, an int or (height,
            width); without padding by default.
        ratio: `c_out` by the channels of the primary convolution; 1 leaves the cheap one out.
        dw_kernel_size: of the cheap convolution; odd, since that one keeps height and width.
        dw_dilation: of the cheap convolution, which it pads as much more.
        groups: of the primary convolution.
        bias: give both convolutions a bias; off, since batch normalisation has one of its own.
        split: how `ratio` divides `c_out`: "round" (any ratio), "ceil" (the paper, timm) or
            "floor" (ultralytics).
        activation: of both halves: "relu", "relu6", "silu", "hard_swish", "identity", or
            "leaky_relu:0.1" with any slope.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions), which does not train.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out), or channels first.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> layer = GhostConv(32, 64, kernel_size=3, padding=1)
    >>> tuple(layer(ops.zeros((2, 56, 56, 32))).shape)
    (2, 56, 56, 64)
    """

    architecture = "ghost_conv"
    configuration: type[GhostConvConfig] = GhostConvConfig

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: Size = 1,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        stride: Size = 1,
        padding: Size = 0,
        *,
        dilation: Size = 1,
        dw_dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        split: Split = "round",
        activation: Activation = "relu",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: PlainForm = "training",
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = self.configuration(
            c_in, c_out, kernel_size, ratio, dw_kernel_size, stride, padding, dilation, groups,
            split, activation, bn_eps, bn_momentum, form, bias, dw_dilation,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: GhostConvConfig, **options: Any) -> None:
        self.c_out = plan.c_out
        self.ratio = plan.ratio
        self.c_int = plan.channels.c_int
        norm, act = plan.batch_norm, plan.activation
        self.primary_conv = conv_norm_act(plan.primary, *norm, act, **options)
        self.cheap_conv = conv_norm_act(plan.cheap, *norm, act, **options) if plan.cheap else None
        self.short_conv = short_conv(plan.gate, *norm, **options)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out), or channels first."""
        self._check_input(x, training)
        out = self.primary_conv(x, training=training)
        if self.cheap_conv is not None:
            cheap = self.cheap_conv(out, training=training)
            out = concatenate([out, cheap], self.data_format)
        out = crop_channels(out, self.c_out, self.data_format)
        if self.short_conv is not None:
            out = out * dfc_gate(self.short_conv, x, out, self.data_format, training)
        return out


@keras.saving.register_keras_serializable("ghost_tf")
class GhostConvV2(GhostConv):
    """GhostConv times DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2).

    Args: those of `GhostConv`. Of the attention, the first convolution has `kernel_size` and
    `stride` too, the two others `dw_dilation`; none has a bias.

    Shapes: x: (N, H, W, c_in), H and W at least 2, to (N, H', W', c_out).

    >>> from keras import ops
    >>> layer = GhostConvV2(16, 32)
    >>> tuple(layer(ops.zeros((1, 7, 7, 16))).shape)
    (1, 7, 7, 32)
    """

    architecture = "ghost_conv_v2"
    configuration = GhostConvV2Config
