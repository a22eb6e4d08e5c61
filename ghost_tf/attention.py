"""The two attentions of the family: squeeze-and-excitation, and DFC attention (GhostNetV2)."""

from typing import Any, Unpack

import keras

from ghost_tf.framework.data_format import DataFormat
from ghost_tf.framework.options import KerasOptions
from ghost_tf.layers import (
    activation,
    avg_pool_2x2,
    conv_norms,
    convolution,
    global_avg_pool,
    hard_sigmoid,
    resize_like,
    sigmoid,
)
from ghost_tf.saving.planned import Planned
from weights.modules.arguments import Rounding
from weights.modules.attention import AttentionPlan, SqueezeExciteConfig


@keras.saving.register_keras_serializable("ghost_tf")
class SqueezeExcite(Planned, keras.layers.Layer):
    """Squeeze-and-excitation (Hu et al., CVPR 2018) with the gate relu6(x + 3) / 6.

    Args:
        channels: of input and output.
        se_ratio: channels between the two convolutions, as a share of `channels`.
        rounding: of those channels: "divisible" (to a multiple of 4, as GhostNet's PyTorch code) or
            "floor" (as its TensorFlow code).
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, channels), the same out.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> tuple(SqueezeExcite(16)(ops.zeros((1, 7, 7, 16))).shape)
    (1, 7, 7, 16)
    """

    architecture = "squeeze_excite"

    def __init__(
        self,
        channels: int,
        se_ratio: float = 0.25,
        rounding: Rounding = "divisible",
        *,
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = SqueezeExciteConfig(channels, se_ratio, rounding)
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: SqueezeExciteConfig, **options: Any) -> None:
        self.conv_reduce = convolution(plan.reduce, **options)
        self.conv_expand = convolution(plan.expand, **options)
        self.relu = activation("relu")

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, channels), the same out."""
        self._check_input(x, training)
        squeezed = self.relu(self.conv_reduce(global_avg_pool(x, self.data_format)))
        return x * hard_sigmoid(self.conv_expand(squeezed))


def short_conv(plan: AttentionPlan | None, eps: float, momentum: float, **options: Any) -> Any:
    """The layers of DFC attention: three convolutions, each with batch normalisation."""
    return conv_norms(plan.convolutions, eps, momentum, **options) if plan else None


def dfc_gate(layers: Any, x: Any, out: Any, data_format: str, training: bool | None = None) -> Any:
    """The gate of DFC attention: seen at half size, spread to the height and width of `out`."""
    x = avg_pool_2x2(x, data_format)
    for conv, norm in zip(layers[::2], layers[1::2], strict=True):
        x = norm(conv(x), training=training)
    return resize_like(sigmoid(x), out, data_format)
