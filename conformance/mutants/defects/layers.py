"""Defects of convolutions, batch normalisations and activations, the usual faults apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.faults.changes import (
    Change,
    each,
    inputs,
    outputs,
    replace_activation,
    scale_norms,
)
from conformance.faults.layers import both_sides, padded_by
from conformance.mutants.mutant import Mutant
from conformance.oracle.ghost_conv import GhostConv
from conformance.oracle.layers import Folded, hard_swish, relu, relu6, sigmoid, silu
from conformance.oracle.walk import parts
from conformance.oracle.weighted import BatchNorm, Convolution


def one_weight(factor: float) -> Change:
    """Multiply the largest weight of the first convolution."""

    def change(module: Any) -> None:
        weight = next(parts(module, Convolution)).weight
        at = np.unravel_index(np.abs(weight).argmax(), weight.shape)
        weight[at] *= weight.dtype.type(factor)

    return change


def half(name: str, **attributes: Any) -> Change:
    """Set attributes of a half of every GhostConv."""

    def edit(layer: Any) -> None:
        if getattr(layer, name) is not None:
            vars(getattr(layer, name)).update(attributes)

    return each(GhostConv, edit)


def vectors_of(**values: float) -> Change:
    """Fill vectors of every batch normalisation."""

    def edit(norm: Any) -> None:
        for name, value in values.items():
            getattr(norm, name)[...] = value

    return each(BatchNorm, edit)


def _without_last(out: np.ndarray) -> np.ndarray:
    return np.where(np.arange(out.shape[3]) < out.shape[3] - 1, out, 0).astype(out.dtype)


LAYER_MUTANTS = (
    Mutant("eps-2e-5", "eps is twice too large", "exact", scale_norms(eps=2)),
    Mutant("silu-twice", "silu is applied twice", "module",
           replace_activation(silu, lambda x: silu(silu(x)))),
    Mutant("seventh", "hard_swish divides by 7", "module",
           replace_activation(hard_swish, lambda x: x * relu6(x + 3) / 7)),
    Mutant("reflected-padding", "the border is reflected, not zero", "exact",
           padded_by(both_sides, mode="symmetric")),
    Mutant("padded-with-ones", "the border is 1, not zero", "exact",
           padded_by(both_sides, constant_values=1)),
    Mutant("one-weight", "one weight off by 1e-4 of itself", "module", one_weight(1 + 1e-4)),
    Mutant("relu-leaks-below-0", "relu is x / 64 below 0", "exact",
           replace_activation(relu, lambda x: np.maximum(x, x / 64))),
    Mutant("relu6-cut-at-5", "relu6 is cut at 5", "exact",
           replace_activation(relu6, lambda x: np.minimum(relu(x), 5))),
    Mutant("tanh-silu", "x tanh(x) for silu", "module",
           replace_activation(silu, lambda x: x * np.tanh(x))),
    Mutant("gelu", "gelu, by its sigmoid, for silu", "module",
           replace_activation(silu, lambda x: x * sigmoid(x * x.dtype.type(1.702)))),
    Mutant("silu-x-1.01", "silu of 1.01 x", "module",
           replace_activation(silu, lambda x: x * sigmoid(x * x.dtype.type(1.01)))),
    Mutant("hard-swish-shifted", "hard_swish opens at -2.99", "module",
           replace_activation(hard_swish, lambda x: x * relu6(x + x.dtype.type(2.99)) / 6)),
    Mutant("no-primary-norm", "the norm of the primary half missing", "exact",
           half("primary_conv", norm=Folded())),
    Mutant("no-cheap-norm", "the norm of the cheap half missing", "exact",
           half("cheap_conv", norm=Folded())),
    Mutant("no-beta", "the bias of the norm left out", "exact", scale_norms(bias=0)),
    Mutant("no-gamma", "the weight of the norm left out", "exact", vectors_of(weight=1)),
    Mutant("no-mean", "the mean left out", "exact", scale_norms(running_mean=0)),
    Mutant("no-variance", "the variance left out", "module", vectors_of(running_var=1)),
    Mutant("last-row-first", "the rows of the input upside down", "exact",
           inputs(GhostConv, lambda layer, x: x[:, :, ::-1])),
    Mutant("batch-reversed", "the images in reverse", "exact",
           outputs(GhostConv, lambda layer, x, out: out[::-1])),
    Mutant("one-column-less", "the last column is 0", "exact",
           outputs(GhostConv, lambda layer, x, out: _without_last(out))),
    Mutant("off-by-1e-5", "every output off by 1e-5 of itself", "module",
           outputs(GhostConv, lambda layer, x, out: out * out.dtype.type(1 + 1e-5))),
)  # fmt: skip
