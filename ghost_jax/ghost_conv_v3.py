"""The ghost module of GhostNetV3: parallel branches in training, one convolution afterwards."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.attention import dfc_gate, short_conv
from ghost_jax.branches import add_branches
from ghost_jax.framework.planned import Planned
from ghost_jax.ghost_conv import conv_norm_act
from ghost_jax.layers import activation, check_input
from weights.columns.planned import sum_branches
from weights.modules.arguments import Activation, Size, Split
from weights.modules.convolutions import BranchesPlan
from weights.modules.forms import TRAINING, Form
from weights.modules.ghost_conv_v3 import GhostConvV3Config


class GhostConvV3(Planned):
    """Ghost convolution with branches (Liu et al., 2024, "GhostNetV3", section 3.1).

    In form `training` each half is a sum of branches, in the others one convolution with bias.

    Args:
        c_in, c_out: channels of input and output.
        kernel_size, stride: of the primary convolution, an int or (height, width); odd, padded to
            keep height and width at stride 1, without which branches could not be merged.
        ratio: `c_out` by the channels of the primary half; 1 leaves the cheap half out.
        dw_kernel_size: of the cheap convolution; odd.
        dw_dilation: of the cheap convolution, and of the attention's two depthwise ones.
        branches: how many copies of each convolution are trained; 3 as published.
        attention: multiply the output by DFC attention, as GhostConvV2 does.
        primary_skip: give the primary half a branch without convolution, where shapes allow it.
        split: how `ratio` divides `c_out`: "ceil" (timm), "round" (any ratio) or "floor".
        activation: of both halves: "relu", "relu6", "silu", "hard_swish", "identity", or
            "leaky_relu:0.1" with any slope.
        form: "training"; `deploy` makes "deployed" (branches merged) or "folded" (the attention's
            batch normalisations too), which do not train.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> layer = GhostConvV3(16, 32, kernel_size=3, rngs=nnx.Rngs(0))
    >>> layer(jnp.zeros((1, 7, 7, 16))).shape
    (1, 7, 7, 32)
    """

    architecture = "ghost_conv_v3"
    configuration = GhostConvV3Config

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: Size = 1,
        ratio: float = 2,
        dw_kernel_size: int = 3,
        stride: Size = 1,
        *,
        dw_dilation: int = 1,
        branches: int = 3,
        attention: bool = False,
        primary_skip: bool = True,
        split: Split = "ceil",
        activation: Activation = "relu",
        form: Form = "training",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = GhostConvV3Config(
            c_in, c_out, kernel_size, ratio, dw_kernel_size, stride, branches, attention,
            primary_skip, split, activation, form, bn_eps, bn_momentum, dw_dilation,
        )  # fmt: skip
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)

    def _set_up(self, plan: GhostConvV3Config, **options: Any) -> None:
        self.c_out = plan.c_out
        self.ratio = plan.ratio
        self.c_int = plan.channels.c_int
        norm, act, halves = plan.batch_norm, plan.activation, plan.merged.items()
        merged = {name: conv_norm_act(each, *norm, act, **options) for name, each in halves}
        self.primary_conv, self.cheap_conv = merged.get("primary"), merged.get("cheap")
        for half in plan.halves if plan.form == TRAINING else ():
            add_branches(self, half, *norm, **options)
        self.short_conv = short_conv(plan.gate, *norm, **options)
        self.act = activation(plan.activation)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out)."""
        check_input(self, x)
        primary, *cheap = self.plan.halves
        out = self._half(primary, x)
        for half in cheap:
            out = jnp.concatenate([out, self._half(half, out)], axis=-1)
        out = out[..., : self.c_out]
        if self.short_conv is not None:
            out = out * dfc_gate(self.short_conv, x, out)
        return out

    def _half(self, half: BranchesPlan, x: jax.Array) -> jax.Array:
        if self.plan.form != TRAINING:
            return getattr(self, f"{half.name}_conv")(x)
        return self.act(sum_branches(self, half, x))
