"""Defects of convolutions, batch normalisations and activations."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from conformance.mutants.changes import (
    activation,
    become,
    each,
    kernels,
    replace_activation,
    scale_norms,
    swap,
)
from conformance.mutants.mutant import Change, Mutant
from conformance.oracle.layers import (
    hard_sigmoid,
    hard_swish,
    identity,
    relu,
    relu6,
    silu,
)
from conformance.oracle.walk import parts
from conformance.oracle.weighted import BatchNorm, Convolution


class EdgePadded(Convolution):
    """Pads with the values of the border, not with zeros."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        (rows, columns), none = self.padding, (0, 0)
        padded = np.pad(x, (none, none, (rows, rows), (columns, columns)), mode="edge")
        return Convolution.__call__(replace(self, padding=none), padded)


class ShiftedPadding(Convolution):
    """Pads one more above and to the left, one less below and to the right."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        none = (0, 0)
        rows, columns = ((size + 1, size - 1) if size else none for size in self.padding)
        padded = np.pad(x, (none, none, rows, columns))
        return Convolution.__call__(replace(self, padding=none), padded)


class TF32(Convolution):
    """Rounds its factors to the bits of TF32, as matrix units do by default."""

    lost_bits = 13

    def __call__(self, x: np.ndarray) -> np.ndarray:
        exact = replace(self, weight=rounded(self.weight, self.lost_bits))
        return Convolution.__call__(exact, rounded(x, self.lost_bits))


class BFloat16(Convolution):
    """Rounds its factors to the bits of bfloat16."""

    lost_bits = 16
    __call__ = TF32.__call__


def rounded(x: Any, lost_bits: int) -> Any:
    """A float32 array without its last bits, rounded to nearest."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    half_way, lost = np.uint32(1 << (lost_bits - 1)), np.uint32(lost_bits)
    return ((bits + half_way) >> lost << lost).view(np.float32)


def one_weight(factor: float) -> Change:
    """Multiply the largest weight of the first convolution."""

    def change(module: Any) -> None:
        weight = next(parts(module, Convolution)).weight
        at = np.unravel_index(np.abs(weight).argmax(), weight.shape)
        weight[at] *= weight.dtype.type(factor)

    return change


def _transposed(weight: np.ndarray) -> np.ndarray:
    return weight.swapaxes(2, 3)


def _flipped(weight: np.ndarray) -> np.ndarray:
    return weight[:, :, ::-1, ::-1]


def _zero_for_nan(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0).astype(x.dtype)


def _finite_relu(x: np.ndarray) -> np.ndarray:
    return np.minimum(relu(x), np.finfo(x.dtype).max)


primary, cheap = partial(kernels, depthwise=False), partial(kernels, depthwise=True)

LAYER_MUTANTS = (
    Mutant("eps-1e-3", "eps is 100 times too large", "exact", scale_norms(eps=100)),
    Mutant("eps-2e-5", "eps is twice too large", "exact", scale_norms(eps=2)),
    Mutant("no-eps", "eps is left out", "exact", scale_norms(eps=0)),
    Mutant("mean-var", "mean and variance swapped", "exact", swap("running_mean", "running_var")),
    Mutant("gamma-beta", "weight and bias of the norm swapped", "exact", swap("weight", "bias")),
    Mutant("gamma-var", "weight and variance swapped", "module", swap("weight", "running_var")),
    Mutant("beta-mean", "bias and mean swapped", "exact", swap("bias", "running_mean")),
    Mutant("batch-statistics", "statistics of the batch in inference", "exact",
           each(BatchNorm, lambda norm: setattr(norm, "training", True))),
    Mutant("primary-transposed", "primary kernel: rows for columns", "exact", primary(_transposed)),
    Mutant("cheap-transposed", "cheap kernel: rows for columns", "exact", cheap(_transposed)),
    Mutant("primary-flipped", "a true convolution, kernel mirrored", "exact", primary(_flipped)),
    Mutant("cheap-flipped", "cheap kernel mirrored", "exact", cheap(_flipped)),
    Mutant("in-out-swapped", "input and output channels swapped", "exact",
           primary(lambda weight: weight.swapaxes(0, 1))),
    Mutant("cheap-reversed", "cheap kernels in reverse order", "exact",
           cheap(lambda weight: weight[::-1])),
    Mutant("no-primary-activation", "activation of the primary half missing", "exact",
           activation("primary_conv", identity)),
    Mutant("no-cheap-activation", "activation of the cheap half missing", "exact",
           activation("cheap_conv", identity)),
    Mutant("relu6-for-relu", "relu is cut at 6", "exact", replace_activation(relu, relu6)),
    Mutant("relu-for-relu6", "relu6 is not cut", "exact", replace_activation(relu6, relu)),
    Mutant("silu-twice", "silu is applied twice", "module",
           replace_activation(silu, lambda x: silu(silu(x)))),
    Mutant("hard-silu", "hard_swish for silu", "module",
           replace_activation(silu, lambda x: x * hard_sigmoid(x))),
    Mutant("seventh", "hard_swish divides by 7", "module",
           replace_activation(hard_swish, lambda x: x * relu6(x + 3) / 7)),
    Mutant("nan-to-zero", "relu makes 0 of NaN", "special",
           replace_activation(relu, _zero_for_nan)),
    Mutant("no-infinity", "relu makes a large number of infinity", "special",
           replace_activation(relu, _finite_relu)),
    Mutant("edge-padding", "the border is repeated, not zero", "exact",
           become(Convolution, EdgePadded)),
    Mutant("shifted-padding", "padding asymmetric by one", "exact",
           become(Convolution, ShiftedPadding)),
    Mutant("tf32", "factors of products rounded to TF32", "module", become(Convolution, TF32)),
    Mutant("bfloat16", "factors of products rounded to bfloat16", "module",
           become(Convolution, BFloat16)),
    Mutant("one-weight", "one weight off by 1e-4 of itself", "module", one_weight(1 + 1e-4)),
)  # fmt: skip
