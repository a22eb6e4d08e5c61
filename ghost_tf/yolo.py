"""The ghost modules of the YOLO family, as ultralytics has them: names, arguments, results."""

from collections.abc import Callable
from typing import Any, Unpack

import keras

from ghost_tf import bottleneck, ghost_conv
from ghost_tf.framework.data_format import DataFormat, concatenate
from ghost_tf.framework.options import KerasOptions
from ghost_tf.ghost_conv import conv_norm_act
from ghost_tf.layers import function_of, module_list
from ghost_tf.saving.planned import Planned, from_plan
from weights.modules.arguments import Size
from weights.modules.forms import PlainForm
from weights.modules.yolo import (
    C3GhostConfig,
    check_without_effect,
    ghost_bottleneck_arguments,
    ghost_conv_arguments,
)

# The objects that `act` may be, by the name of the activation.
OWN: dict[str, tuple[Any, ...]] = {
    "relu": (keras.ops.relu, keras.activations.relu),
    "relu6": (keras.ops.relu6, keras.activations.relu6),
    "silu": (keras.ops.silu, keras.activations.silu),
    "hard_swish": (keras.ops.hard_silu, keras.activations.hard_silu),
    "identity": (keras.activations.linear, keras.layers.Identity),
}


@keras.saving.register_keras_serializable("ghost_tf.yolo")
class GhostConv(ghost_conv.GhostConv):
    """ultralytics' GhostConv: half the channels, a cheap 5x5 convolution, SiLU, eps 1e-3.

    Args:
        c1, c2: channels of the input and of the output.
        k, s: kernel and stride of the primary convolution, which pads by `k // 2`.
        g: groups of the primary convolution.
        act: True (SiLU), False (none), or an activation by its name or as the framework has it.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c1) to (N, H', W', c2).

    >>> from keras import ops
    >>> tuple(GhostConv(16, 32, 3, 2)(ops.zeros((1, 11, 10, 16))).shape)
    (1, 6, 5, 32)
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        g: int = 1,
        act: bool | str | Callable[[Any], Any] = True,
        *,
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        arguments = ghost_conv_arguments(c1, c2, k, s, g, function_of(act), OWN)
        super().__init__(**arguments, data_format=data_format, **keras_options)

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        layer = cls.__new__(cls)
        ghost_conv.GhostConv.__init__(layer, **arguments)
        return layer


@keras.saving.register_keras_serializable("ghost_tf.yolo")
class GhostBottleneck(bottleneck.GhostBottleneck):
    """ultralytics' GhostBottleneck: two of its GhostConvs, the second linear.

    Args:
        c1, c2: channels of the input and of the output; `c2` divisible by 4, and equal to `c1` at
            stride 1.
        k: kernel of the strided convolution, which stride 1 leaves out.
        s: 1 or 2.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c1) to (N, H', W', c2).

    >>> from keras import ops
    >>> tuple(GhostBottleneck(16, 32, 5, 2)(ops.zeros((1, 9, 9, 16))).shape)
    (1, 5, 5, 32)
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 3,
        s: int = 1,
        *,
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        arguments = ghost_bottleneck_arguments(c1, c2, k, s)
        super().__init__(**arguments, data_format=data_format, **keras_options)

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        block = cls.__new__(cls)
        bottleneck.GhostBottleneck.__init__(block, **arguments)
        return block


@keras.saving.register_keras_serializable("ghost_tf")
class C3Ghost(Planned, keras.layers.Layer):
    """ultralytics' C3Ghost: a cross-stage partial block of GhostBottlenecks.

    Args:
        c1, c2: channels of the input and of the output.
        n: number of bottlenecks.
        shortcut, g: without effect, as in ultralytics.
        e: share of `c2` that the inner channels are, rounded down; half in ultralytics.
        hidden: number of inner channels, a multiple of 4; None is `c2` times `e`.
        bn_eps, bn_momentum: of every batch normalisation; ultralytics sets both after construction.
        form: "training"; `deploy` makes "folded" (batch normalisations merged into the
            convolutions), which does not train.
        data_format: order of the axes, "channels_last" or "channels_first"; Keras' own by default.
        keras_options: `name`, `dtype` and the others of `KerasOptions`.

    Shapes: x: (N, H, W, c1) to (N, H, W, c2).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from keras import ops
    >>> tuple(C3Ghost(32, 32, 2)(ops.zeros((1, 8, 8, 32))).shape)
    (1, 8, 8, 32)
    """

    architecture = "c3_ghost"

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        shortcut: bool = True,
        g: int = 1,
        e: float = 0.5,
        *,
        hidden: int | None = None,
        bn_eps: float = 1e-3,
        bn_momentum: float = 0.03,
        form: PlainForm = "training",
        data_format: DataFormat | None = None,
        **keras_options: Unpack[KerasOptions],
    ) -> None:
        check_without_effect(shortcut, g)
        plan = C3GhostConfig(c1, c2, n, e, hidden, bn_eps, bn_momentum, form)
        super().__init__(plan, data_format, **keras_options)

    def _set_up(self, plan: C3GhostConfig, **options: Any) -> None:
        self.cv1 = conv_norm_act(plan.convolutions["cv1"], *plan.batch_norm, "silu", **options)
        self.cv2 = conv_norm_act(plan.convolutions["cv2"], *plan.batch_norm, "silu", **options)
        self.cv3 = conv_norm_act(plan.convolutions["cv3"], *plan.batch_norm, "silu", **options)
        self.m = module_list(
            from_plan(bottleneck.GhostBottleneck, block, **options) for block in plan.bottlenecks
        )

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, c1) to (N, H, W, c2)."""
        self._check_input(x, training)
        out = self.cv1(x, training=training)
        for block in self.m:
            out = block(out, training=training)
        out = concatenate([out, self.cv2(x, training=training)], self.data_format)
        return self.cv3(out, training=training)
