"""A GhostConv in plain NumPy that knows nothing of the suite: what the tests' implementations are.

Who imports the oracle is told so, and is not green.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weights import GhostConvConfig
from weights.files.digests import common_dtype

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hard_swish": lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "identity": lambda x: x,
}
Padding = tuple[tuple[int, int], tuple[int, int]]


class GhostConv:
    """The layer; its two halves can be asked for by themselves."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
        self.plan = GhostConvConfig(**config)
        self.weights = dict(weights)
        self.dtype = common_dtype(weights)
        self.convolve: Callable[..., np.ndarray] = convolve

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        self.plan.check_input(x.shape, x.dtype.name)
        primary = self.primary(x)
        both = [primary, self.cheap(primary)] if self.has_cheap_half else [primary]
        return np.concatenate(both, axis=1)[:, : self.plan.c_out]

    @property
    def has_cheap_half(self) -> bool:
        return "cheap_conv.0.weight" in self.weights

    def primary(self, x: np.ndarray, padding: Padding | None = None) -> np.ndarray:
        """The primary half, with its own padding or another."""
        rows, columns = pair(self.plan.padding)
        geometry = pair(self.plan.stride), pair(self.plan.dilation), self.plan.groups
        return self._half(
            "primary_conv", x, padding or ((rows, rows), (columns, columns)), *geometry
        )

    def cheap(self, x: np.ndarray) -> np.ndarray:
        """The cheap half of the primary half's output."""
        rate = self.plan.dw_dilation
        around = (rate * (self.plan.dw_kernel_size // 2),) * 2
        return self._half("cheap_conv", x, (around, around), (1, 1), (rate, rate), x.shape[1])

    def _half(self, name: str, x: np.ndarray, padding: Padding, *geometry: Any) -> np.ndarray:
        weights = {key: array.astype(self.dtype) for key, array in self.weights.items()}
        x = self.convolve(x, weights[f"{name}.0.weight"], padding, *geometry)
        if self.plan.bias:
            x = x + weights[f"{name}.0.bias"].reshape(-1, 1, 1)
        gamma, beta, mean, var = (
            weights[f"{name}.1.{key}"].reshape(-1, 1, 1)
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        x = (x - mean) / np.sqrt(var + self.dtype.type(self.plan.bn_eps)) * gamma + beta
        name, _, slope = self.plan.activation.partition(":")
        return np.maximum(x, x * float(slope)) if slope else ACTIVATIONS[name](x)


def convolve(
    x: np.ndarray, weight: np.ndarray, padding: Padding, stride: Any, dilation: Any, groups: int
) -> np.ndarray:
    """Shapes: x: (N, C, H, W), weight: (O, C / groups, kh, kw) to (N, O, H', W')."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    _, per_group, height, width = weight.shape
    down, right = ((size - 1) * r + 1 for size, r in zip((height, width), dilation, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(x, (down, right), axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    n, _, h, w = windows.shape[:4]
    windows = windows.reshape(n, groups, per_group, h, w, height, width)
    weight = weight.reshape(groups, -1, per_group, height, width)
    return np.einsum("ngchwab,gocab->ngohw", windows, weight).reshape(n, -1, h, w)


def pair(value: Any) -> tuple[int, int]:
    """Height and width of a number or of both."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)
