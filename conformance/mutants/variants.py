"""Correct variants: other orders of summation and other formulas, which no tier may fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from conformance.mutants.changes import become, each
from conformance.mutants.mutant import Mutant
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.layers import Folded
from conformance.oracle.weighted import BatchNorm, Convolution


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
        return Convolution.__call__(first, x[:, :middle]) + Convolution.__call__(
            second, x[:, middle:]
        )


class Columns(Convolution):
    """One product of matrices: every window is a column (im2col)."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        windows, weight = self._grouped(x)
        batch, groups, _, height, width = windows.shape[:5]
        columns = windows.transpose(0, 1, 2, 5, 6, 3, 4).reshape(batch, groups, -1, height * width)
        out = weight.reshape(groups, -1, columns.shape[2]) @ columns
        return self._biased(out.reshape(batch, -1, height, width))

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

    def _biased(self, out: np.ndarray) -> np.ndarray:
        return out if self.bias is None else out + self.bias.reshape(-1, 1, 1)


class Directly(Columns):
    """One sum over group channels, rows and columns, written as an einsum."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = np.einsum("ngchwab,gocab->ngohw", *self._grouped(x))
        return self._biased(out.reshape(len(x), -1, *out.shape[3:]))


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


class Affine(BatchNorm):
    """x scale + shift, the two computed beforehand."""

    def __call__(self, x: Any) -> Any:
        mean, var = self._update(x) if self.training else (self.running_mean, self.running_var)
        scale = self.weight / np.sqrt(var + self.eps)
        shift = self.bias - mean * scale
        return x * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)


class Centred(BatchNorm):
    """The reciprocal of the deviation first, the products afterwards."""

    def __call__(self, x: Any) -> Any:
        mean, var = self._update(x) if self.training else (self.running_mean, self.running_var)
        inverse = 1 / np.sqrt(var + self.eps)
        centred = (x - mean.reshape(-1, 1, 1)) * inverse.reshape(-1, 1, 1)
        return self.bias.reshape(-1, 1, 1) + self.weight.reshape(-1, 1, 1) * centred


def _fold(half: Any) -> None:
    """Merge the batch normalisation of a half into its kernel."""
    norm, conv = half.norm, half.conv
    if isinstance(norm, Folded):
        return
    scale = norm.weight / np.sqrt(norm.running_var + norm.eps)
    bias = 0 if conv.bias is None else conv.bias
    shift = norm.bias + (bias - norm.running_mean) * scale
    half.conv = replace(conv, weight=conv.weight * scale.reshape(-1, 1, 1, 1), bias=shift)
    half.norm = Folded()


def _one_ulp(conv: Any) -> None:
    at = np.unravel_index(np.abs(conv.weight).argmin(), conv.weight.shape)
    conv.weight[at] = np.nextafter(conv.weight[at], conv.weight.dtype.type(np.inf))


def _as(kind: type, name: str, description: str, *, trains: bool = True) -> Mutant:
    """The variant whose layers are computed by a subclass of theirs."""
    base = BatchNorm if issubclass(kind, BatchNorm) else Convolution
    return Mutant(name, description, change=become(base, kind), trains=trains)


VARIANTS: tuple[Mutant, ...] = (
    _as(Backwards, "backwards", "sums from the last channel to the first"),
    _as(InBlocks, "in-blocks", "sums in two blocks of channels"),
    _as(Repeated, "repeated", "depthwise with repeated inputs, no multiplier"),
    _as(Affine, "affine", "batch normalisation as scale and shift"),
    _as(Centred, "reciprocal", "batch normalisation by a reciprocal"),
    _as(Columns, "im2col", "one product of matrices", trains=False),
    _as(Directly, "direct", "one sum, by einsum", trains=False),
    _as(InDouble, "in-double", "float64 inside, rounded once", trains=False),
    Mutant("folded", "batch normalisation inside the kernels", change=each(ConvNormAct, _fold),
           trains=False),
)  # fmt: skip
# A defect that is too small to be seen: the smallest weight of each convolution, off by an ulp.
INVISIBLE = Mutant("an-ulp-off", "one weight off by an ulp", change=each(Convolution, _one_ulp))
