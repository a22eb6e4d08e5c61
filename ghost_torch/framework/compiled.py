"""Depthwise convolutions in the form that PyTorch's compiler fuses with what stands around them."""

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

# The rows and columns of a kernel, in the order of its numbers.
PLACES = tuple(product(range(3), range(3)))
# Kernel, stride, padding, dilation and mode of padding of a convolution that keeps the sizes.
GEOMETRY = ((3, 3), (1, 1), (1, 1), (1, 1), "zeros")


def is_fused(conv: Any, x: Tensor) -> bool:
    """Whether a layer is a convolution that `shifted` computes better: compiled, on a CPU."""
    if not torch.compiler.is_compiling() or _is_exported() or torch.is_grad_enabled():
        return False
    if type(conv) is not nn.Conv2d or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    geometry = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.padding_mode)
    return geometry == GEOMETRY and conv.groups == conv.in_channels == conv.out_channels


def shifted(conv: Any, x: Tensor) -> Tensor:
    """The depthwise 3x3 convolution as a sum of shifted inputs, each times its part of the kernel.

    Shapes: x: (N, C, H, W), the same out.
    """
    height, width = x.shape[2:]
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    # A buffer of nine rows: read from the kernel, the channels of one part lie nine numbers apart.
    taps = torch.stack(conv.weight.flatten(1).unbind(1))[:, None, :, None, None]
    out = torch.zeros_like(taps[0]) if conv.bias is None else conv.bias[:, None, None]
    for tap, (row, column) in zip(taps.unbind(0), PLACES, strict=True):
        out = out + padded[:, :, row : row + height, column : column + width] * tap
    return out


def _is_exported() -> bool:
    # The flag itself: up to PyTorch 2.11 its compiler takes `is_exporting()` for true. Before 2.7
    # nothing tells that a graph is exported, which keeps plain convolutions.
    return getattr(torch.compiler, "_is_exporting_flag", True)
