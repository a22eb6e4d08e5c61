"""The two attentions of the family: squeeze-and-excitation, and DFC attention (GhostNetV2)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.framework.planned import Planned
from ghost_jax.layers import (
    activation,
    avg_pool_2x2,
    check_input,
    conv_norms,
    convolution,
    global_avg_pool,
    hard_sigmoid,
    resize_like,
    sigmoid,
)
from weights.modules.arguments import Rounding
from weights.modules.attention import AttentionPlan, SqueezeExciteConfig


class SqueezeExcite(Planned):
    """Squeeze-and-excitation (Hu et al., CVPR 2018) with the gate relu6(x + 3) / 6.

    Args:
        channels: of input and output.
        se_ratio: channels between the two convolutions, as a share of `channels`.
        rounding: of those channels: "divisible" (to a multiple of 4, as GhostNet's PyTorch code) or
            "floor" (as its TensorFlow code).
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters.

    Shapes: x: (N, H, W, channels), the same out.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> SqueezeExcite(16, rngs=nnx.Rngs(0))(jnp.zeros((1, 7, 7, 16))).shape
    (1, 7, 7, 16)
    """

    architecture = "squeeze_excite"

    def __init__(
        self,
        channels: int,
        se_ratio: float = 0.25,
        rounding: Rounding = "divisible",
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = SqueezeExciteConfig(channels, se_ratio, rounding)
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)

    def _set_up(self, plan: SqueezeExciteConfig, **options: Any) -> None:
        self.conv_reduce = convolution(plan.reduce, **options)
        self.conv_expand = convolution(plan.expand, **options)
        self.relu = activation("relu")

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, channels), the same out."""
        check_input(self, x)
        squeezed = self.relu(self.conv_reduce(global_avg_pool(x)))
        return x * hard_sigmoid(self.conv_expand(squeezed))


def short_conv(plan: AttentionPlan | None, eps: float, momentum: float, **options: Any) -> Any:
    """The layers of DFC attention: three convolutions, each with batch normalisation."""
    return conv_norms(plan.convolutions, eps, momentum, **options) if plan else None


def dfc_gate(layers: Any, x: jax.Array, out: jax.Array) -> jax.Array:
    """The gate of DFC attention: seen at half size, spread to the height and width of `out`."""
    x = avg_pool_2x2(x)
    for conv, norm in zip(layers[::2], layers[1::2], strict=True):
        x = norm(conv(x))
    return resize_like(sigmoid(x), out)
