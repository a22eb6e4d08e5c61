"""The modules of RepGhost: a ghost module that adds its halves, and the block of two."""

from typing import Any, Unpack

import keras

from ghost_tf.bottleneck import Bottleneck
from ghost_tf.framework.data_format import DataFormat
from ghost_tf.framework.options import KerasOptions
from ghost_tf.ghost_conv import conv_norm_act
from ghost_tf.layers import activation, batch_norm, conv_norms, convolution, module_list
from ghost_tf.saving.planned import Planned
from weights.columns.planned import by_configuration
from weights.modules.arguments import Activation, Size
from weights.modules.forms import TRAINING, Form
from weights.modules.rep_ghost import RepGhostBottleneckConfig, RepGhostConvConfig


@keras.saving.register_keras_serializable("ghost_tf")
class RepGhostConv(Planned, keras.layers.Layer):
    """Ghost convolution that adds where others concatenate (Chen et al., 2022, "RepGhost").

    The primary convolution makes `c_out` channels, to each of which a depthwise convolution of it
    is added. In form `training` the channel itself, normalised, is the other summand; in the others
    the convolution has it inside.

    Args:
        c_in, c_out: channels of input and output.
        kernel_size, stride: of the primary convolution, an int or (height, width); odd, padded to
            keep height and width at stride 1.
        dw_kernel_size, dw_dilation: of the cheap convolution; the kernel odd.
        activation: of the primary convolution and of the sum, as in `GhostConv`.
        form: "training"; `deploy` makes "deployed" (the two summands merged) or "folded" (the
            primary convolution's batch normalisation too), which do not train.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> layer = RepGhostConv(16, 32)
    >>> tuple(layer(ops.zeros((1, 7, 7, 16))).shape)
    (1, 7, 7, 32)
    """

    architecture = "rep_ghost_conv"
    configuration = RepGhostConvConfig

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: Size = 1,
        dw_kernel_size: int = 3,
        stride: Size = 1,
        *,
        dw_dilation: int = 1,
        activation: Activation = "relu",
        form: Form = "training",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = RepGhostConvConfig(
            c_in, c_out, kernel_size, dw_kernel_size, stride, activation, form, bn_eps, bn_momentum,
            dw_dilation,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: RepGhostConvConfig, **options: Any) -> None:
        norm, act = plan.batch_norm, plan.activation
        self.primary_conv = conv_norm_act(plan.primary, *norm, act, **options)
        if plan.form == TRAINING:
            self.cheap_conv = conv_norms([plan.cheap.convolution], *norm, **options)
            self.fusion_bn = module_list([batch_norm(plan.c_out, *norm, **options)])
        else:
            self.cheap_conv = convolution(plan.cheap.deployed, **options)
        self.act = activation(act)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out)."""
        self._check_input(x, training)
        out = self.primary_conv(x, training=training)
        if self.plan.form != TRAINING:
            return self.act(self.cheap_conv(out))
        (conv, norm), (skip,) = self.cheap_conv, self.fusion_bn
        return self.act(norm(conv(out), training=training) + skip(out, training=training))


@keras.saving.register_keras_serializable("ghost_tf")
class RepGhostBottleneck(Bottleneck):
    """The block of RepGhostNet (Chen et al., 2022, "RepGhost"): RepGhostConvs in GhostBottleneck.

    Args:
        c_in, c_mid, c_out: channels of the input, between the two ghost modules, and of the output.
        kernel_size: of the strided convolution and of the shortcut's depthwise one; odd.
        stride: of the block; 1 leaves the strided convolution out.
        se_ratio: squeezed channels as a share of `c_mid`; 0 leaves squeeze-and-excitation out.
        dw_kernel_size: of the cheap convolutions; odd.
        dilation: as in `GhostBottleneck`.
        activation: of the first ghost module; the second is linear.
        bn_eps, bn_momentum, form: as in `RepGhostConv`.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> block = RepGhostBottleneck(16, 24, 24, stride=2, se_ratio=0.25)
    >>> tuple(block(ops.zeros((1, 14, 14, 16))).shape)
    (1, 7, 7, 24)
    """

    architecture = "rep_ghost_bottleneck"
    ghosts = by_configuration(RepGhostConv)

    def __init__(
        self,
        c_in: int,
        c_mid: int,
        c_out: int,
        kernel_size: int = 3,
        stride: int = 1,
        se_ratio: float = 0.0,
        dw_kernel_size: int = 3,
        *,
        dilation: int = 1,
        activation: Activation = "relu",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = RepGhostBottleneckConfig(
            c_in, c_mid, c_out, kernel_size, stride, se_ratio, dw_kernel_size, activation, bn_eps,
            bn_momentum, form, dilation,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)
