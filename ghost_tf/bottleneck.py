"""GhostBottleneck: two ghost modules and what stands between them."""

from typing import Any, Unpack

import keras

from ghost_tf.attention import SqueezeExcite
from ghost_tf.branches import add_branches
from ghost_tf.framework.data_format import DataFormat
from ghost_tf.framework.options import KerasOptions
from ghost_tf.ghost_conv import GhostConv, GhostConvV2
from ghost_tf.ghost_conv_v3 import GhostConvV3
from ghost_tf.layers import activation, conv_norms, convolution, norm_after
from ghost_tf.saving.planned import Planned, from_plan
from weights.columns.planned import by_configuration, sum_branches
from weights.modules.arguments import Activation, Rounding, Split
from weights.modules.bottleneck import BottleneckConfig, GhostBottleneckConfig
from weights.modules.forms import Form


class Bottleneck(Planned, keras.layers.Layer):
    """Two ghost modules, a strided convolution, squeeze-and-excitation and a shortcut.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).
    """

    # The ghost module of each configuration.
    ghosts: dict[type, type[Any]]

    def _set_up(self, plan: BottleneckConfig, **options: Any) -> None:
        norm = plan.batch_norm
        self.ghost1 = from_plan(self.ghosts[type(plan.ghost1)], plan.ghost1, **options)
        self.conv_dw = convolution(plan.strided, **options) if plan.strided else None
        self.bn_dw = norm_after(plan.strided, *norm, **options) if plan.strided else None
        if plan.strided_branches:
            add_branches(self, plan.strided_branches, *norm, **options)
        se = plan.squeeze_excite
        self.se = from_plan(SqueezeExcite, se, **options) if se else None
        self.ghost2 = from_plan(self.ghosts[type(plan.ghost2)], plan.ghost2, **options)
        self.shortcut = conv_norms(plan.shortcut, *norm, **options) if plan.shortcut else None
        self.shortcut_act = activation(plan.shortcut_activation)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out), or channels first."""
        self._check_input(x, training)
        out = self._strided(self.ghost1(x, training=training), training)
        if self.se is not None:
            out = self.se(out)
        return self.ghost2(out, training=training) + self._shortcut(x, training)

    def _strided(self, x: Any, training: bool | None) -> Any:
        if self.plan.strided_branches:
            return sum_branches(self, self.plan.strided_branches, x, training=training)
        if self.conv_dw is None or self.bn_dw is None:
            return x
        return self.bn_dw(self.conv_dw(x), training=training)

    def _shortcut(self, x: Any, training: bool | None) -> Any:
        if self.shortcut is None:
            return x
        depthwise, norm, pointwise, last_norm = self.shortcut
        x = self.shortcut_act(norm(depthwise(x), training=training))
        return last_norm(pointwise(x), training=training)


@keras.saving.register_keras_serializable("ghost_tf")
class GhostBottleneck(Bottleneck):
    """The block of GhostNet (Han et al., CVPR 2020, "GhostNet", section 3.2).

    With `attention` it is the block of GhostNetV2, with `branches` that of GhostNetV3.

    Args:
        c_in, c_mid, c_out: channels of the input, between the two ghost modules, and of the output.
        kernel_size: of the strided convolution; odd.
        stride: of the block; 1 leaves the strided convolution out.
        se_ratio: squeezed channels as a share of `c_mid`; 0 leaves squeeze-and-excitation out.
        ratio, dw_kernel_size, split: of the ghost modules; "ceil" is the split of paper and timm.
        dilation: a multiple of `stride` above 1 takes its place: the block makes every position,
            and its depthwise convolutions are dilated, up to the strided one and in the shortcut by
            `dilation / stride`, after it by `dilation`.
        attention: give the first ghost module DFC attention (GhostNetV2).
        branches: parallel branches in training of every convolution (GhostNetV3); 0 has none.
        primary_skip: let the input itself be a branch of the primary convolutions, where shapes
            allow it.
        activation: of the first ghost module; the second is linear.
        se_rounding: make the squeezed channels a multiple of 4 ("divisible", GhostNet's PyTorch
            code) or round them down ("floor", its TensorFlow code).
        shortcut_kernel_size: of the shortcut's depthwise convolution; 0 is `kernel_size`.
        shortcut_activation: between the shortcut's convolutions; the paper has none.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions) and, where there are branches, "deployed" (these merged alone). Only the
            first trains.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> block = GhostBottleneck(16, 48, 24, stride=2, se_ratio=0.25)
    >>> tuple(block(ops.zeros((1, 14, 14, 16))).shape)
    (1, 7, 7, 24)
    """

    architecture = "ghost_bottleneck"
    ghosts = by_configuration(GhostConv, GhostConvV2, GhostConvV3)

    def __init__(
        self,
        c_in: int,
        c_mid: int,
        c_out: int,
        kernel_size: int = 3,
        stride: int = 1,
        se_ratio: float = 0.0,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        *,
        dilation: int = 1,
        attention: bool = False,
        branches: int = 0,
        primary_skip: bool = True,
        split: Split = "ceil",
        activation: Activation = "relu",
        se_rounding: Rounding = "divisible",
        shortcut_kernel_size: int = 0,
        shortcut_activation: Activation = "identity",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        plan = GhostBottleneckConfig(
            c_in, c_mid, c_out, kernel_size, stride, se_ratio, ratio, dw_kernel_size, attention,
            branches, primary_skip, split, activation, se_rounding, shortcut_kernel_size,
            shortcut_activation, bn_eps, bn_momentum, form, dilation,
        )  # fmt: skip
        super().__init__(plan, data_format, **keras_options)
