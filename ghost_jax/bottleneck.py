"""GhostBottleneck: two ghost modules and what stands between them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.attention import SqueezeExcite
from ghost_jax.branches import add_branches, sum_branches
from ghost_jax.framework.options import checked_options
from ghost_jax.ghost_conv import GhostConv, GhostConvV2
from ghost_jax.ghost_conv_v3 import GhostConvV3
from ghost_jax.layers import (
    activation,
    check_input,
    convolution,
    module_list,
    norm_after,
)
from weights.modules.bottleneck import GhostBottleneckConfig, GhostModule
from weights.modules.forms import TRAINING
from weights.modules.ghost_conv_v2 import GhostConvV2Config
from weights.modules.ghost_conv_v3 import GhostConvV3Config


class GhostBottleneck(nnx.Module):
    """Two ghost modules, a strided convolution, squeeze-and-excitation and a shortcut.

    Han et al., CVPR 2020, "GhostNet", section 3.2; with `attention` the block of GhostNetV2, with
    `branches` that of GhostNetV3.

    Shapes: x: (N, H, W, c_in) to (N, H', W', c_out).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> block = GhostBottleneck(16, 48, 24, stride=2, se_ratio=0.25, rngs=nnx.Rngs(0))
    >>> block(jnp.zeros((1, 14, 14, 16))).shape
    (1, 7, 7, 24)
    """

    architecture = "ghost_bottleneck"

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
        attention: bool = False,
        branches: int = 0,
        primary_skip: bool = True,
        split: str = "ceil",
        activation: str = "relu",
        se_rounding: str = "divisible",
        shortcut_kernel_size: int = 0,
        shortcut_activation: str = "identity",
        form: str = "training",
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        axis_name: Any = None,
        axis_index_groups: Any = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = GhostBottleneckConfig(
            c_in,
            c_mid,
            c_out,
            kernel_size,
            stride,
            se_ratio,
            ratio,
            dw_kernel_size,
            attention,
            branches,
            primary_skip,
            split,
            activation,
            se_rounding,
            shortcut_kernel_size,
            shortcut_activation,
            form,
            bn_eps,
            bn_momentum,
        )
        options = checked_options(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)
        self.plan = plan
        self.ghost1 = _ghost(plan.ghost1, **options)
        self.conv_dw = _strided(plan, **options)
        self.bn_dw = _strided_norm(plan, **options)
        if plan.strided_branches and plan.form == TRAINING:
            norm = (plan.bn_eps, plan.bn_momentum)
            add_branches(self, plan.strided_branches, *norm, **options)
        self.se = _squeeze_excite(plan, **options)
        self.ghost2 = _ghost(plan.ghost2, **options)
        self.shortcut = _shortcut(plan, **options)
        self.shortcut_act = _activation(plan.shortcut_activation)

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build the block in any framework."""
        return self.plan.to_dict()

    @property
    def first_norm(self) -> Any:
        """The batch normalisation that tells whether the block is in training."""
        return self.ghost1.first_norm

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, c_in) to (N, H', W', c_out)."""
        check_input(self, x)
        out = self._strided(self.ghost1(x))
        if self.se is not None:
            out = self.se(out)
        return self.ghost2(out) + self._shortcut(x)

    def _strided(self, x: jax.Array) -> jax.Array:
        parts = self.plan.strided_branches
        if self.plan.strided is None:
            return x
        if self.conv_dw is None and parts:
            return sum_branches(self, parts, x)
        x = self.conv_dw(x)
        return x if self.bn_dw is None else self.bn_dw(x)

    def _shortcut(self, x: jax.Array) -> jax.Array:
        if self.shortcut is None:
            return x
        depthwise, norm, pointwise, last_norm = self.shortcut
        x = self.shortcut_act(norm(depthwise(x)))
        return last_norm(pointwise(x))


def _ghost(plan: GhostModule, **options: Any) -> Any:
    if isinstance(plan, GhostConvV3Config):
        return GhostConvV3(**plan.to_dict(), **options)
    version = GhostConvV2 if isinstance(plan, GhostConvV2Config) else GhostConv
    return version(**plan.to_dict(), **options)


def _strided(plan: GhostBottleneckConfig, **options: Any) -> Any:
    if plan.strided_branches:
        merged = plan.strided_branches.deployed
        return convolution(merged, **options) if plan.form != TRAINING else None
    return convolution(plan.strided, **options) if plan.strided else None


def _strided_norm(plan: GhostBottleneckConfig, **options: Any) -> Any:
    if plan.strided_branches or plan.strided is None:
        return None
    return norm_after(plan.strided, plan.bn_eps, plan.bn_momentum, **options)


def _squeeze_excite(plan: GhostBottleneckConfig, **options: Any) -> SqueezeExcite | None:
    if plan.squeeze_excite is None:
        return None
    return SqueezeExcite(**plan.squeeze_excite.to_dict(), **options)


def _shortcut(plan: GhostBottleneckConfig, **options: Any) -> Any:
    if not plan.shortcut:
        return None
    layers: list[Any] = []
    for each in plan.shortcut:
        layers.append(convolution(each, **options))
        layers.append(norm_after(each, plan.bn_eps, plan.bn_momentum, **options))
    return module_list(layers)


def _activation(name: str) -> Any:
    return activation(name)
