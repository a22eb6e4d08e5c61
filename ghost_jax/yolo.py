"""The ghost modules of the YOLO family, as ultralytics has them: names, arguments, results."""

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax import bottleneck, ghost_conv
from ghost_jax.framework.options import FlaxOptions
from ghost_jax.framework.planned import Planned, from_plan
from ghost_jax.ghost_conv import conv_norm_act
from ghost_jax.layers import ACTIVATIONS, check_input, module_list
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
    "relu": (jax.nn.relu, ACTIVATIONS["relu"]),
    "relu6": (jax.nn.relu6, ACTIVATIONS["relu6"]),
    "silu": (jax.nn.silu, ACTIVATIONS["silu"]),
    "hard_swish": (jax.nn.hard_swish, ACTIVATIONS["hard_swish"]),
    "identity": (nnx.identity, jax.nn.identity, ACTIVATIONS["identity"]),
}


class GhostConv(ghost_conv.GhostConv):
    """ultralytics' GhostConv: half the channels, a cheap 5x5 convolution, SiLU, eps 1e-3.

    Args:
        c1, c2: channels of the input and of the output.
        k, s: kernel and stride of the primary convolution, which pads by `k // 2`.
        g: groups of the primary convolution.
        act: True (SiLU), False (none), or an activation by its name or as the framework has it.
        options: `rngs`, `dtype`, `param_dtype`, `axis_name` and `axis_index_groups`, as for Flax's
            layers.

    Shapes: x: (N, H, W, c1) to (N, H', W', c2).

    >>> GhostConv(16, 32, 3, 2, rngs=nnx.Rngs(0))(jnp.zeros((1, 11, 10, 16))).shape
    (1, 6, 5, 32)
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        g: int = 1,
        act: bool | str | Callable[[jax.Array], jax.Array] = True,
        **options: Unpack[FlaxOptions],
    ) -> None:
        arguments = ghost_conv_arguments(c1, c2, k, s, g, act, OWN)
        super().__init__(**arguments, **options)


class GhostBottleneck(bottleneck.GhostBottleneck):
    """ultralytics' GhostBottleneck: two of its GhostConvs, the second linear.

    Args:
        c1, c2: channels of the input and of the output; `c2` divisible by 4, and equal to `c1` at
            stride 1.
        k: kernel of the strided convolution, which stride 1 leaves out.
        s: 1 or 2.
        options: `rngs`, `dtype`, `param_dtype`, `axis_name` and `axis_index_groups`, as for Flax's
            layers.

    Shapes: x: (N, H, W, c1) to (N, H', W', c2).

    >>> GhostBottleneck(16, 32, 5, 2, rngs=nnx.Rngs(0))(jnp.zeros((1, 9, 9, 16))).shape
    (1, 5, 5, 32)
    """

    def __init__(
        self, c1: int, c2: int, k: int = 3, s: int = 1, **options: Unpack[FlaxOptions]
    ) -> None:
        arguments = ghost_bottleneck_arguments(c1, c2, k, s)
        super().__init__(**arguments, **options)


class C3Ghost(Planned):
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
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters, and dropout where there is any.

    Shapes: x: (N, H, W, c1) to (N, H, W, c2).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> C3Ghost(32, 32, 2, rngs=nnx.Rngs(0))(jnp.zeros((1, 8, 8, 32))).shape
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
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        check_without_effect(shortcut, g)
        plan = C3GhostConfig(c1, c2, n, e, hidden, bn_eps, bn_momentum, form)
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)

    def _set_up(self, plan: C3GhostConfig, **options: Any) -> None:
        self.cv1 = conv_norm_act(plan.convolutions["cv1"], *plan.batch_norm, "silu", **options)
        self.cv2 = conv_norm_act(plan.convolutions["cv2"], *plan.batch_norm, "silu", **options)
        self.cv3 = conv_norm_act(plan.convolutions["cv3"], *plan.batch_norm, "silu", **options)
        self.m = module_list(
            from_plan(bottleneck.GhostBottleneck, block, **options) for block in plan.bottlenecks
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, c1) to (N, H, W, c2)."""
        check_input(self, x)
        out = self.cv1(x)
        for block in self.m:
            out = block(out)
        out = jnp.concatenate([out, self.cv2(x)], axis=-1)
        return self.cv3(out)
