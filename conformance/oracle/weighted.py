"""The layers with weights as their definitions read, in NumPy.

A padded position counts as zero; sums run over the kernel's positions and the group's channels.
"""

from dataclasses import dataclass

import numpy as np

from weights import arithmetic
from weights.arithmetic import Pair


@dataclass
class Convolution:
    """y[n, o, i, j] = bias[o] + sum over c, a, b of w[o, c, a, b] x[n, c, stride i + dilation a]"""

    weight: np.ndarray
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    bias: np.ndarray | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        kernel = self.weight.shape[2:]
        sizes = [
            arithmetic.output_size(*arguments)
            for arguments in zip(
                x.shape[2:], kernel, self.stride, self.padding, self.dilation, strict=True
            )
        ]
        (top, left), groups = self.padding, self.groups
        padded = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
        weight = self.weight.reshape(groups, -1, *self.weight.shape[1:])
        total = np.zeros((len(x), groups, weight.shape[1], *sizes), weight.dtype)
        for a, b in np.ndindex(*kernel):
            window = self._window(padded, (a, b), sizes)
            window = window.reshape(len(x), groups, -1, *sizes)
            with np.errstate(invalid="ignore"):  # infinities of both signs sum to NaN
                total += _mix_channels(weight[..., a, b], window)
        out = total.reshape(len(x), -1, *sizes)
        return out if self.bias is None else out + self.bias.reshape(-1, 1, 1)

    def _window(self, padded: np.ndarray, position: Pair, sizes: list[int]) -> np.ndarray:
        rows, columns = (
            slice(at * dilation, at * dilation + (size - 1) * stride + 1, stride)
            for at, dilation, size, stride in zip(
                position, self.dilation, sizes, self.stride, strict=True
            )
        )
        return padded[:, :, rows, columns]


@dataclass
class BatchNorm:
    """y = (x - mean) / sqrt(var + eps) * weight + bias (Ioffe and Szegedy, ICML 2015).

    In training mean and (biased) variance are the batch's; the unbiased variance is stored.
    """

    weight: np.ndarray
    bias: np.ndarray
    running_mean: np.ndarray
    running_var: np.ndarray
    eps: float
    momentum: float
    training: bool = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W), the same out."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = self._update(x)
        mean, var, weight, bias = (
            vector.reshape(-1, 1, 1) for vector in (mean, var, self.weight, self.bias)
        )
        return (x - mean) / np.sqrt(var + self.eps) * weight + bias

    def _update(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = x.size // x.shape[1]
        mean = x.mean(axis=(0, 2, 3))
        var = ((x - mean.reshape(-1, 1, 1)) ** 2).mean(axis=(0, 2, 3))
        unbiased = var * (count / (count - 1))
        self.running_mean = self.running_mean * (1 - self.momentum) + mean * self.momentum
        self.running_var = self.running_var * (1 - self.momentum) + unbiased * self.momentum
        return mean, var


@dataclass
class Linear:
    """y[n, o] = sum over c of w[o, c] x[n, c], plus b[o]."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C) to (N, O)."""
        return x @ self.weight.T + self.bias


def _mix_channels(weight: np.ndarray, window: np.ndarray) -> np.ndarray:
    """One kernel position: (G, O/G, C/G) times (N, G, C/G, H, W) to (N, G, O/G, H, W)."""
    if weight.shape[2] == 1:
        return weight[:, :, 0, None, None] * window
    flat = window.reshape(*window.shape[:3], -1)
    return (weight @ flat).reshape(len(window), *weight.shape[:2], *window.shape[3:])
