"""GhostConv: a few channels by a convolution, the others from those by a cheap one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ghost_torch.layers import (
    activation,
    batch_norm,
    canonical_shape,
    convolution,
    depthwise_convolution,
    dtype_name,
    in_training,
)
from weights import GhostConvConfig


class ConvNormAct(nn.Sequential):
    """Convolution, batch normalisation, activation: one half of a GhostConv."""

    def __init__(self, conv: nn.Module, norm: nn.Module, act: nn.Module) -> None:
        super().__init__(conv, norm, act)


class GhostConv(nn.Module):
    """Ghost convolution (Han et al., CVPR 2020, "GhostNet", section 3.1).

    The primary convolution makes `c_int` channels, a depthwise convolution makes the others from
    those; primary first, ghosts after, cropped to `c_out`.

    Shapes: x: (N, c_in, H, W) to (N, c_out, H', W').

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> layer = GhostConv(32, 64, kernel_size=3, padding=1).eval()
    >>> layer(torch.zeros(2, 32, 56, 56)).shape
    torch.Size([2, 64, 56, 56])
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
        device: Any = None,
        dtype: Any = None,
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
        super().__init__()
        self.plan = plan
        self.c_out = plan.c_out
        self.ratio = plan.ratio
        self.c_int = plan.channels.c_int
        self.primary_conv = _primary(plan, device=device, dtype=dtype)
        self.cheap_conv = _cheap(plan, device=device, dtype=dtype)

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build the layer in any framework."""
        return self.plan.to_dict()

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, c_in, H, W) to (N, c_out, H', W')."""
        training = in_training(self.primary_conv[1])
        self.plan.check_input(canonical_shape(x), dtype_name(x), training=training)
        primary = self.primary_conv(x)
        if self.cheap_conv is None:
            return primary[:, : self.c_out]
        ghost = self.cheap_conv(primary)
        return torch.cat([primary, ghost], dim=1)[:, : self.c_out]

    def extra_repr(self) -> str:
        """The configuration, for `print(module)`."""
        return ", ".join(f"{name}={value!r}" for name, value in self.config.items())


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
