"""Defects of squeeze-and-excitation and of DFC attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import each, outputs
from conformance.mutants.mutant import Mutant, Patch
from conformance.oracle import attention, ghost_conv, layers
from conformance.oracle.attention import SqueezeExcite
from conformance.oracle.layers import identity, relu

Gate = Callable[[Any, Any, Any], Any]
# Bound before mutants below replace it in its module.
_right = attention.dfc_gate


def gate(edit: Gate) -> tuple[Patch, ...]:
    """Multiply by `edit(layers, x, out)` in GhostConvV2."""
    return ((ghost_conv, "dfc_gate", edit),)


def _clipped(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0), 1)


def _resized_by(rule: Callable[[np.ndarray, int, int], np.ndarray]) -> Callable[..., Any]:
    def resize_like(x: Any, other: Any) -> Any:
        for axis in (2, 3):
            size, wanted = x.shape[axis], other.shape[axis]
            x = x.take(np.clip(rule(np.arange(wanted), size, wanted), 0, size - 1), axis)
        return x

    return resize_like


def _half_pixel(index: np.ndarray, size: int, wanted: int) -> np.ndarray:
    return np.rint((index + 0.5) * size / wanted - 0.5).astype(int)


def _aligned(index: np.ndarray, size: int, wanted: int) -> np.ndarray:
    return np.rint(index * (size - 1) / max(wanted - 1, 1)).astype(int)


def odd_rows_too(x: Any) -> Any:
    """Take means over 2x2 of a map whose border is repeated where a size is odd."""
    height, width = x.shape[2] % 2, x.shape[3] % 2
    padded = np.pad(x, ((0, 0), (0, 0), (0, height), (0, width)), mode="edge")
    return layers.avg_pool_2x2(padded)


def _vertical_first(layers: Any, x: Any, out: Any) -> Any:
    return _right([*layers[:2], *layers[4:], *layers[2:4]], x, out)


def _without_norms(layers: Any, x: Any, out: Any) -> Any:
    return _right([each if i % 2 == 0 else identity for i, each in enumerate(layers)], x, out)


def _activated(layers: Any, x: Any, out: Any) -> Any:
    *others, last = layers
    return _right([*others, lambda x: relu(last(x))], x, out)


def _every_second(x: Any) -> Any:
    height, width = x.shape[2] // 2, x.shape[3] // 2
    return x[:, :, ::2, ::2][:, :, :height, :width]


def _bilinear(x: Any, other: Any) -> Any:
    """Resize by the two nearest positions of each axis."""
    for axis in (2, 3):
        size, wanted = x.shape[axis], other.shape[axis]
        at = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
        low = np.floor(at).astype(int)
        share = (at - low).reshape(-1, *[1] * (3 - axis)).astype(x.dtype)
        x = x.take(low, axis) * (1 - share) + x.take(np.minimum(low + 1, size - 1), axis) * share
    return x


FAMILY = "family"
ATTENTION_MUTANTS = (
    Mutant("gate-clip", "the gate clip(x, 0, 1)", FAMILY,
           patches=((attention, "hard_sigmoid", _clipped),)),
    Mutant("gate-keras-2", "the gate of Keras 2, 0.2 x + 0.5", FAMILY,
           patches=((attention, "hard_sigmoid", lambda x: _clipped(x * 0.2 + 0.5)),)),
    Mutant("gate-sigmoid", "a sigmoid as the gate", FAMILY,
           patches=((attention, "hard_sigmoid", layers.sigmoid),)),
    Mutant("dfc-hard-gate", "a hard sigmoid in DFC attention", FAMILY,
           patches=((attention, "sigmoid", layers.hard_sigmoid),)),
    Mutant("nearest-half-pixel", "nearest resize by pixel centres", FAMILY,
           patches=((attention, "resize_like", _resized_by(_half_pixel)),)),
    Mutant("nearest-aligned", "nearest resize with aligned corners", FAMILY,
           patches=((attention, "resize_like", _resized_by(_aligned)),)),
    Mutant("odd-rows-too", "the mean over 2x2 takes an odd last row", FAMILY,
           patches=((attention, "avg_pool_2x2", odd_rows_too),)),
    Mutant("largest-for-mean", "maxima for means in DFC attention", FAMILY,
           patches=((attention, "avg_pool_2x2", layers.max_pool_2x2),)),
    Mutant("bilinear", "a bilinear resize for the nearest position", FAMILY,
           patches=((attention, "resize_like", _bilinear),)),
    Mutant("every-second", "every second position for means over 2x2", FAMILY,
           patches=((attention, "avg_pool_2x2", _every_second),)),
    Mutant("no-gate", "DFC attention left out", FAMILY,
           patches=gate(lambda layers, x, out: out.dtype.type(1))),
    Mutant("gate-and-one", "the gate is 1 more", FAMILY,
           patches=gate(lambda layers, x, out: 1 + _right(layers, x, out))),
    Mutant("gate-twice", "the gate multiplies twice", FAMILY,
           patches=gate(lambda layers, x, out: _right(layers, x, out) ** 2)),
    Mutant("gate-vertical-first", "the vertical convolution before the horizontal one", FAMILY,
           patches=gate(_vertical_first)),
    Mutant("gate-without-norms", "DFC attention without its norms", FAMILY,
           patches=gate(_without_norms)),
    Mutant("gate-activated", "relu before the sigmoid of DFC attention", FAMILY,
           patches=gate(_activated)),
    Mutant("squeeze-maximum", "squeezed by the maximum, not by the mean", FAMILY,
           patches=((attention, "global_avg_pool", lambda x: x.max(axis=(2, 3), keepdims=True)),)),
    Mutant("squeeze-first-row", "squeezed by the mean of the first row", FAMILY,
           patches=((attention, "global_avg_pool",
                     lambda x: x[:, :, :1].mean(axis=(2, 3), keepdims=True)),)),
    Mutant("squeeze-without-relu", "no relu between the two convolutions", FAMILY,
           each(SqueezeExcite, lambda part: setattr(part, "relu", identity))),
    Mutant("squeeze-added", "the gate is added, not multiplied", FAMILY,
           outputs(SqueezeExcite, lambda part, x, out: x + out)),
)  # fmt: skip
