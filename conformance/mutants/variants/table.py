"""Correct variants: other orders of summation and other formulas, which no tier may fail."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.faults.changes import Change, become, each, replace_activation
from conformance.judging import formulations
from conformance.mutants.mutant import Mutant
from conformance.mutants.variants import convolutions, formulas
from conformance.oracle import ghost_conv, ghost_conv_v3
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.layers import avg_pool_2x2, hard_swish, relu, resize_like, sigmoid, silu
from conformance.oracle.weighted import BatchNorm, Convolution

STOCK = "conformance.mutants.variants.stock"


def _as(kind: type, name: str, description: str, *, trains: bool = True) -> Mutant:
    """The variant whose layers are computed by a subclass of theirs."""
    base = BatchNorm if issubclass(kind, BatchNorm) else Convolution
    return Mutant(name, description, change=become(base, kind), trains=trains)


def _by(right: Any, other: Any, name: str, description: str) -> Mutant:
    """The variant that computes an activation by another function."""
    return Mutant(name, description, change=replace_activation(right, other), trains=False)


def _folded(kind: type) -> Change:
    """Merge every batch normalisation into its kernel, and compute the convolution as `kind`."""

    def edit(half: Any) -> None:
        formulas.fold(half)
        half.conv.__class__ = kind

    return each(ConvNormAct, edit)


def _resized_first(layers: Any, x: Any, out: Any) -> Any:
    """The gate of DFC attention with the sigmoid after the resize."""
    x = avg_pool_2x2(x)
    for layer in layers:
        x = layer(x)
    return sigmoid(resize_like(x, out))


def _one_ulp(conv: Any) -> None:
    at = np.unravel_index(np.abs(conv.weight).argmin(), conv.weight.shape)
    conv.weight[at] = np.nextafter(conv.weight[at], conv.weight.dtype.type(np.inf))


VARIANTS: tuple[Mutant, ...] = (
    _as(convolutions.Backwards, "backwards", "sums from the last channel to the first"),
    _as(convolutions.InBlocks, "in-blocks", "sums in two blocks of channels"),
    _as(convolutions.InLanes, "in-lanes", "sums of every fourth channel"),
    _as(convolutions.ToEight, "to-eight", "channels filled up with zeros"),
    _as(convolutions.Repeated, "repeated", "depthwise with repeated inputs, no multiplier"),
    _as(convolutions.ImageByImage, "image-by-image", "every image by itself"),
    _as(convolutions.Columns, "im2col", "one product of matrices", trains=False),
    _as(convolutions.Directly, "direct", "one sum, by einsum", trains=False),
    _as(convolutions.Einsum, "einsum", "a contraction that NumPy orders", trains=False),
    _as(convolutions.ChannelsLast, "channels-last-sums", "products of matrices, channels last",
        trains=False),
    _as(convolutions.FromTheLastPosition, "last-position-first",
        "sums from the kernel's last position", trains=False),
    _as(convolutions.Fused, "fused", "fused multiply-add", trains=False),
    _as(convolutions.Compensated, "compensated", "compensated sums", trains=False),
    _as(convolutions.InDouble, "in-double", "float64 inside, rounded once", trains=False),
    _as(formulations.Affine, "affine", "batch normalisation as scale and shift"),
    _as(formulas.Centred, "reciprocal", "batch normalisation by a reciprocal"),
    _as(formulas.Spread, "spread", "batch normalisation, every term scaled by itself"),
    _as(formulas.RoughRoot, "rough-root", "a reciprocal root that is an ulp off"),
    _as(formulas.FusedAffine, "fused-affine", "scale and shift with one rounding", trains=False),
    _as(formulas.NormInDouble, "norm-in-double", "batch normalisation in float64", trains=False),
    _as(formulas.Corrected, "corrected", "a variance in two corrected passes"),
    _as(formulas.Merged, "welford", "moments of each image, merged"),
    _as(formulations.Shifted, "shifted", "a variance in one pass of shifted values"),
    _by(silu, formulas.tanh_silu, "silu-by-tanh", "silu by tanh"),
    _by(silu, formulas.stable_silu, "silu-stable", "silu by small exponentials"),
    _by(hard_swish, formulas.sixth_hard_swish, "hard-swish-sixth", "hard_swish by 1 / 6"),
    _by(hard_swish, formulas.clipped_hard_swish, "hard-swish-clipped", "hard_swish by a clip"),
    _by(relu, formulas.chosen_relu, "relu-chosen", "relu by a choice"),
    Mutant("folded", "batch normalisation inside the kernels",
           change=each(ConvNormAct, formulas.fold), trains=False),
    Mutant("folded-bias-first", "folded, sums that start at the bias",
           change=_folded(convolutions.BiasFirst), trains=False),
    Mutant("folded-fused", "folded, fused multiply-add from the bias on",
           change=_folded(convolutions.Fused), trains=False),
    Mutant("stock-torch", "PyTorch's own layers", implementation=f"{STOCK}:torch_layers"),
    Mutant("stock-keras", "Keras' own layers", implementation=f"{STOCK}:keras_layers"),
    Mutant("stock-flax", "Flax' own layers", implementation=f"{STOCK}:flax_layers"),
    Mutant("resized-first", "the gate's sigmoid after its resize",
           patches=((ghost_conv, "dfc_gate", _resized_first),
                    (ghost_conv_v3, "dfc_gate", _resized_first))),
)  # fmt: skip
# A defect that is too small to be seen: the smallest weight of each convolution, off by an ulp.
INVISIBLE = Mutant("an-ulp-off", "one weight off by an ulp", change=each(Convolution, _one_ulp))
