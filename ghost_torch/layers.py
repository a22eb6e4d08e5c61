"""The framework's own layers, as this project uses them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from weights.arithmetic import Pair

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "identity": nn.Identity,
}


def convolution(
    c_in: int,
    c_out: int,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    **options: Any,
) -> nn.Conv2d:
    """A convolution without bias, with symmetric explicit padding."""
    return nn.Conv2d(
        c_in, c_out, kernel_size, stride, padding, dilation, groups, bias=False, **options
    )


def depthwise_convolution(
    channels: int, multiplier: int, kernel_size: int, padding: int, **options: Any
) -> nn.Conv2d:
    """A convolution in which channel c alone makes outputs c*multiplier ... (c+1)*multiplier-1."""
    return nn.Conv2d(
        channels,
        channels * multiplier,
        kernel_size,
        padding=padding,
        groups=channels,
        bias=False,
        **options,
    )


def batch_norm(channels: int, eps: float, momentum: float, **options: Any) -> nn.BatchNorm2d:
    """Batch normalisation that stores the unbiased variance."""
    return nn.BatchNorm2d(channels, eps, momentum, **options)


def linear(features: int, classes: int, **options: Any) -> nn.Linear:
    """A linear layer with bias."""
    return nn.Linear(features, classes, **options)


def activation(name: str) -> nn.Module:
    """The activation of that name."""
    return nn.Identity() if name == "identity" else ACTIVATIONS[name](inplace=True)


def in_training(norm: nn.Module, training: Any = None) -> bool:
    """Whether the normalisation will use the statistics of the batch on this device."""
    return isinstance(norm, nn.BatchNorm2d) and norm.training


def canonical_shape(x: Tensor) -> tuple[Any, ...]:
    """Shape of the input as (N, C, H, W)."""
    return tuple(x.shape)


def dtype_name(x: Tensor) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return str(x.dtype).removeprefix("torch.")
