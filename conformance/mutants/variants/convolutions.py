"""Convolutions that sum in another order, or by another formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from conformance.oracle.weighted import Convolution


class Backwards(Convolution):
    """Sums over the kernel's positions and the channels from the last to the first."""

    def __call__(self, x: Any) -> Any:
        if self.groups > 1:
            return super().__call__(x)
        mirrored = replace(self, weight=self.weight[:, ::-1])
        return Convolution.__call__(mirrored, x[:, ::-1])


class InBlocks(Convolution):
    """Sums the two halves of the input channels apart, and adds them."""

    def __call__(self, x: Any) -> Any:
        middle = x.shape[1] // 2
        if self.groups > 1 or not middle:
            return super().__call__(x)
        first = replace(self, weight=self.weight[:, :middle], bias=None)
        second = replace(self, weight=self.weight[:, middle:])
        later = Convolution.__call__(second, x[:, middle:])
        return Convolution.__call__(first, x[:, :middle]) + later


class ByWindows(Convolution):
    """The base of those that look at every window of the input."""

    def _grouped(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, G, C/G, H', W', kH, kW) and the kernels (G, O/G, C/G, kH, kW)."""
        (rows, columns), (down, right) = self.padding, self.dilation
        height, width = self.weight.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
        span = ((height - 1) * down + 1, (width - 1) * right + 1)
        every = sliding_window_view(padded, span, axis=(2, 3))[..., ::down, ::right]
        windows = every[:, :, :: self.stride[0], :: self.stride[1]]
        windows = windows.reshape(len(x), self.groups, -1, *windows.shape[2:])
        return windows, self.weight.reshape(self.groups, -1, *self.weight.shape[1:])


class Columns(ByWindows):
    """One product of matrices: every window is a column (im2col)."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        batch, groups, _, height, width = windows.shape[:5]
        columns = windows.transpose(0, 1, 2, 5, 6, 3, 4).reshape(batch, groups, -1, height * width)
        out = weight.reshape(groups, -1, columns.shape[2]) @ columns
        return _biased(self, out.reshape(batch, -1, height, width))


class Directly(ByWindows):
    """One sum over group channels, rows and columns, written as an einsum."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = np.einsum("ngchwab,gocab->ngohw", *self._grouped(x))
        return _biased(self, out.reshape(len(x), -1, *out.shape[3:]))


class Repeated(Convolution):
    """A depthwise convolution with a multiplier as one without: every input channel repeated."""

    def __call__(self, x: Any) -> Any:
        multiplier = len(self.weight) // x.shape[1] if self.weight.shape[1] == 1 else 1
        if multiplier == 1 or self.groups == 1:
            return super().__call__(x)
        wide = x.take(np.repeat(np.arange(x.shape[1]), multiplier), 1)
        return Convolution.__call__(replace(self, groups=len(self.weight)), wide)


class InDouble(Convolution):
    """Computes in float64 and rounds once."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        bias = None if self.bias is None else self.bias.astype(np.float64)
        wide = replace(self, weight=self.weight.astype(np.float64), bias=bias)
        return Convolution.__call__(wide, x.astype(np.float64)).astype(x.dtype)


class FromTheLastPosition(ByWindows):
    """Sums over the kernel's positions from the last to the first."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        total = 0
        for a, b in reversed(list(np.ndindex(*weight.shape[3:]))):
            total = total + np.einsum("ngchw,goc->ngohw", windows[..., a, b], weight[..., a, b])
        return _biased(self, np.reshape(total, (len(x), -1, *windows.shape[3:5])))


class Einsum(ByWindows):
    """A contraction that NumPy orders by itself."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        out = np.einsum("ngchwab,gocab->ngohw", windows, weight, optimize=True)
        return _biased(self, np.ascontiguousarray(out).reshape(len(x), -1, *out.shape[3:]))


class ChannelsLast(ByWindows):
    """A product of matrices at every position, channels last."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        rows = windows.transpose(1, 0, 3, 4, 5, 6, 2)
        kernels = weight.transpose(0, 3, 4, 2, 1).reshape(self.groups, -1, weight.shape[1])
        out = rows.reshape(self.groups, -1, kernels.shape[1]) @ kernels
        out = out.reshape(self.groups, *rows.shape[1:4], -1).transpose(1, 0, 4, 2, 3)
        return _biased(self, np.ascontiguousarray(out).reshape(len(x), -1, *out.shape[3:]))


class Fused(ByWindows):
    """One product after the other, each added without rounding it before (FMA)."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        shape = len(x), self.groups, weight.shape[1], *windows.shape[3:5]
        total = np.zeros(shape, x.dtype)
        if self.bias is not None:
            total += self.bias.reshape(self.groups, -1, 1, 1)
        for c, a, b in np.ndindex(*weight.shape[2:]):
            factor = weight[:, :, c, a, b, None, None].astype(np.float64)
            total = (factor * windows[:, :, None, c, :, :, a, b] + total).astype(x.dtype)
        return total.reshape(len(x), -1, *shape[3:])


class Compensated(ByWindows):
    """Sums with the error of each addition carried along (Kahan)."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        shape = len(x), self.groups, weight.shape[1], *windows.shape[3:5]
        total, lost = np.zeros(shape, x.dtype), np.zeros(shape, x.dtype)
        for c, a, b in np.ndindex(*weight.shape[2:]):
            term = weight[:, :, c, a, b, None, None] * windows[:, :, None, c, :, :, a, b] - lost
            found = total + term
            lost = np.where(np.isfinite(found), (found - total) - term, 0).astype(x.dtype)
            total = found
        return _biased(self, total.reshape(len(x), -1, *shape[3:]))


class InLanes(Convolution):
    """Four sums of every fourth channel, added two by two."""

    def __call__(self, x: Any) -> Any:
        if self.groups > 1 or x.shape[1] < 4:
            return super().__call__(x)
        a, b, c, d = (
            Convolution.__call__(replace(self, weight=self.weight[:, i::4], bias=None), x[:, i::4])
            for i in range(4)
        )
        return _biased(self, (a + b) + (c + d))


class ToEight(Convolution):
    """Input channels filled up with zeros to a multiple of eight."""

    def __call__(self, x: Any) -> Any:
        lacking = -x.shape[1] % 8
        if self.groups > 1 or not lacking:
            return super().__call__(x)
        widths = ((0, 0), (0, lacking), (0, 0), (0, 0))
        weight, wide = np.pad(self.weight, widths), np.pad(x, widths)
        return Convolution.__call__(replace(self, weight=weight), wide)


class ImageByImage(Convolution):
    """Every image by itself."""

    def __call__(self, x: Any) -> Any:
        images = [Convolution.__call__(self, x[i : i + 1]) for i in range(len(x))]
        return np.concatenate(images, axis=0)


class BiasFirst(ByWindows):
    """Sums that start at the bias."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        start = 0 if self.bias is None else self.bias.reshape(1, self.groups, -1, 1, 1)
        total = np.zeros((len(x), self.groups, weight.shape[1], *windows.shape[3:5]), x.dtype)
        total = total + start
        for a, b in np.ndindex(*weight.shape[3:]):
            total += np.einsum("ngchw,goc->ngohw", windows[..., a, b], weight[..., a, b])
        return total.reshape(len(x), -1, *total.shape[3:])


def _biased(conv: Convolution, out: Any) -> Any:
    """The sums (N, O, H, W) of a convolution with its bias, where it has one."""
    return out if conv.bias is None else out + conv.bias.reshape(-1, 1, 1)
