"""GhostConv: a few channels by a convolution, the others from those by a cheap one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.layers import (
    BatchNorm,
    activation,
    batch_norm,
    canonical_shape,
    check_dtype,
    convolution,
    depthwise_convolution,
    dtype_name,
    in_training,
)
from weights import GhostConvConfig


class ConvNormAct(nnx.Module):
    """Convolution, batch normalisation, activation: one half of a GhostConv."""

    def __init__(self, conv: nnx.Conv, norm: BatchNorm, act: Any) -> None:
        self.conv = conv
        self.norm = norm
        self.act = act

    def __getitem__(self, index: int) -> Any:
        return (self.conv, self.norm, self.act)[index]

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        return self.act(self.norm(self.conv(x)))


class GhostConv(nnx.Module):
    """Ghost convolution (Han et al., CVPR 2020, "GhostNet", section 3.1).

    The primary convolution makes `c_int` channels, a depthwise convolution makes the others from
    those; primary first, ghosts after, cropped to `c_out`.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> layer = GhostConv(32, 64, kernel_size=3, padding=1, rngs=nnx.Rngs(0))
    >>> layer(jnp.zeros((2, 56, 56, 32))).shape
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
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs,
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
        check_dtype("param_dtype", param_dtype)
        check_dtype("dtype", dtype or param_dtype)
        options = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
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

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out)."""
        training = in_training(self.primary_conv[1])
        self.plan.check_input(canonical_shape(x), dtype_name(x), training=training)
        primary = self.primary_conv(x)
        if self.cheap_conv is None:
            return primary[..., : self.c_out]
        ghost = self.cheap_conv(primary)
        return jnp.concatenate([primary, ghost], axis=-1)[..., : self.c_out]


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
    return ConvNormAct(conv, norm, activation(plan.activation))


def _cheap(plan: GhostConvConfig, **options: Any) -> ConvNormAct | None:
    split = plan.channels
    if not split.multiplier:
        return None
    conv = depthwise_convolution(
        split.c_int, split.multiplier, plan.dw_kernel_size, plan.dw_padding, **options
    )
    norm = batch_norm(split.c_cheap, plan.bn_eps, plan.bn_momentum, **options)
    return ConvNormAct(conv, norm, activation(plan.activation))
