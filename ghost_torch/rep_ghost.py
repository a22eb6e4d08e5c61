"""The modules of RepGhost: a ghost module that adds its halves, and the block of two."""

from typing import Any

import torch
from torch import Tensor

from ghost_torch.bottleneck import Bottleneck
from ghost_torch.framework.planned import Planned
from ghost_torch.ghost_conv import conv_norm_act
from ghost_torch.layers import (
    activation,
    batch_norm,
    check_input,
    conv_norms,
    convolution,
    module_list,
)
from weights.columns.planned import by_configuration
from weights.modules.arguments import Activation, Size
from weights.modules.forms import TRAINING, Form
from weights.modules.rep_ghost import RepGhostBottleneckConfig, RepGhostConvConfig


class RepGhostConv(Planned):
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
        device, dtype: place and type of the parameters, as for PyTorch's layers.

    Shapes: x: (N, c_in, H, W) to (N, c_out, H', W').

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> layer = RepGhostConv(16, 32).eval()
    >>> layer(torch.zeros(1, 16, 7, 7)).shape
    torch.Size([1, 32, 7, 7])
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
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        plan = RepGhostConvConfig(
            c_in, c_out, kernel_size, dw_kernel_size, stride, activation, form, bn_eps, bn_momentum,
            dw_dilation,
        )  # fmt: skip
        super().__init__(plan, device, dtype)

    def _set_up(self, plan: RepGhostConvConfig, **options: Any) -> None:
        norm, act = plan.batch_norm, plan.activation
        self.primary_conv = conv_norm_act(plan.primary, *norm, act, **options)
        if plan.form == TRAINING:
            self.cheap_conv = conv_norms([plan.cheap.convolution], *norm, **options)
            self.fusion_bn = module_list([batch_norm(plan.c_out, *norm, **options)])
        else:
            self.cheap_conv = convolution(plan.cheap.deployed, **options)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, c_in, H, W) to (N, c_out, H', W')."""
        check_input(self, x)
        out = self.primary_conv(x)
        if self.plan.form != TRAINING:
            return self.act(self.cheap_conv(out))
        (conv, norm), (skip,) = self.cheap_conv, self.fusion_bn
        return self.act(norm(conv(out)) + skip(out))


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
        device, dtype: place and type of the parameters, as for PyTorch's layers.

    Shapes: x: (N, c_in, H, W) to (N, c_out, H', W').

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> block = RepGhostBottleneck(16, 24, 24, stride=2, se_ratio=0.25).eval()
    >>> block(torch.zeros(1, 16, 14, 14)).shape
    torch.Size([1, 24, 7, 7])
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
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        plan = RepGhostBottleneckConfig(
            c_in, c_mid, c_out, kernel_size, stride, se_ratio, dw_kernel_size, activation, bn_eps,
            bn_momentum, form, dilation,
        )  # fmt: skip
        super().__init__(plan, device, dtype)
