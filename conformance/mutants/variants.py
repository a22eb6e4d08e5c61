"""Correct variants: other orders of summation and other formulas, which no tier may fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from conformance.mutants.layers import convolutions
from conformance.mutants.mutant import Variant
from conformance.mutants.training import normalised_by
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.layers import BatchNorm, Convolution, Folded
from conformance.oracle.walk import parts


class Backwards(Convolution):
    """Sums over the kernel's positions and the channels from the last to the first."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        if self.groups > 1:
            return super().__call__(x)
        mirrored = replace(self, weight=self.weight[:, ::-1])
        return Convolution.__call__(mirrored, x[:, ::-1])


class InBlocks(Convolution):
    """Sums the two halves of the input channels apart, and adds them."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        middle = x.shape[1] // 2
        if self.groups > 1 or not middle:
            return super().__call__(x)
        first = replace(self, weight=self.weight[:, :middle], bias=None)
        second = replace(self, weight=self.weight[:, middle:])
        return Convolution.__call__(first, x[:, :middle]) + Convolution.__call__(
            second, x[:, middle:]
        )


class Columns(Convolution):
    """One product of matrices: every window is a column (im2col)."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        windows = self._windows(x)
        batch, channels, height, width = windows.shape[:4]
        windows = windows.reshape(batch, self.groups, channels // self.groups, height, width, -1)
        columns = windows.transpose(0, 1, 2, 5, 3, 4).reshape(
            batch, self.groups, -1, height * width
        )
        weight = self.weight.reshape(self.groups, -1, columns.shape[2])
        out = (weight @ columns).reshape(batch, -1, height, width)
        return out if self.bias is None else out + self.bias.reshape(-1, 1, 1)

    def _windows(self, x: np.ndarray) -> np.ndarray:
        (rows, columns), (down, right) = self.padding, self.dilation
        height, width = self.weight.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
        span = ((height - 1) * down + 1, (width - 1) * right + 1)
        every = sliding_window_view(padded, span, axis=(2, 3))[..., ::down, ::right]
        return every[:, :, :: self.stride[0], :: self.stride[1]]


class Directly(Columns):
    """One sum over group channels, rows and columns, written as an einsum."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        windows = self._windows(x)
        batch, channels, height, width, *kernel = windows.shape
        grouped = windows.reshape(
            batch, self.groups, channels // self.groups, height, width, *kernel
        )
        weight = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        out = np.einsum("ngchwab,gocab->ngohw", grouped, weight).reshape(batch, -1, height, width)
        return out if self.bias is None else out + self.bias.reshape(-1, 1, 1)


class Repeated(Convolution):
    """A depthwise convolution with a multiplier as one without: every input channel repeated."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        multiplier = len(self.weight) // x.shape[1] if self.weight.shape[1] == 1 else 1
        if multiplier == 1 or self.groups == 1:
            return super().__call__(x)
        wide = x.take(np.repeat(np.arange(x.shape[1]), multiplier), 1)
        return Convolution.__call__(replace(self, groups=len(self.weight)), wide)


class InDouble(Convolution):
    """Computes in float64 and rounds once."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        bias = None if self.bias is None else self.bias.astype(np.float64)
        wide = Convolution(
            self.weight.astype(np.float64),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            bias,
        )
        return wide(x.astype(np.float64)).astype(x.dtype)


class Affine(BatchNorm):
    """x scale + shift, the two computed beforehand."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W), the same out."""
        mean, var = self._update(x) if self.training else (self.running_mean, self.running_var)
        scale = self.weight / np.sqrt(var + self.eps)
        shift = self.bias - mean * scale
        return x * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)


class Centred(BatchNorm):
    """The reciprocal of the deviation first, the products afterwards."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W), the same out."""
        mean, var = self._update(x) if self.training else (self.running_mean, self.running_var)
        inverse = 1 / np.sqrt(var + self.eps)
        centred = (x - mean.reshape(-1, 1, 1)) * inverse.reshape(-1, 1, 1)
        return self.bias.reshape(-1, 1, 1) + self.weight.reshape(-1, 1, 1) * centred


def _folded(module: Any) -> None:
    """Batch normalisation inside the kernel of every half."""
    for half in parts(module, ConvNormAct):
        norm, conv = half.norm, half.conv
        if isinstance(norm, Folded):
            continue
        scale = norm.weight / np.sqrt(norm.running_var + norm.eps)
        bias = 0 if conv.bias is None else conv.bias
        shift = norm.bias + (bias - norm.running_mean) * scale
        weight = conv.weight * scale.reshape(-1, 1, 1, 1)
        half.conv = replace(conv, weight=weight, bias=shift)
        half.norm = Folded()


def _an_ulp_off(module: Any) -> None:
    for conv in parts(module, Convolution):
        weight = conv.weight
        at = np.unravel_index(np.abs(weight).argmin(), weight.shape)
        weight[at] = np.nextafter(weight[at], weight.dtype.type(np.inf))


def _forward(name: str, what: str, change: Callable[[Any], None]) -> Variant:
    return Variant(name, what, change=change, trains=False)


VARIANTS: tuple[Variant, ...] = (
    Variant("backwards", "sums from the last channel to the first",
            change=convolutions(Backwards)),
    Variant("in-blocks", "sums in two blocks of channels", change=convolutions(InBlocks)),
    Variant("repeated", "depthwise with repeated inputs, no multiplier",
            change=convolutions(Repeated)),
    Variant("affine", "batch normalisation as scale and shift", change=normalised_by(Affine)),
    Variant("reciprocal", "batch normalisation by a reciprocal", change=normalised_by(Centred)),
    _forward("im2col", "one product of matrices", convolutions(Columns)),
    _forward("direct", "one sum, by einsum", convolutions(Directly)),
    _forward("in-double", "float64 inside, rounded once", convolutions(InDouble)),
    _forward("folded", "batch normalisation inside the kernels", _folded),
)  # fmt: skip
# Not correct, but no suite may tell: the smallest weight of each convolution, moved by an ulp.
INVISIBLE = Variant("an-ulp-off", "one weight off by an ulp", change=_an_ulp_off)
