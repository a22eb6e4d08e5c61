"""Bounds on the error of a correct float32 implementation, element by element.

A running error bound: beside every value of the oracle goes the largest error that roundings so
far can have caused, for any order of summation and with or without fused multiply-add (Higham,
Accuracy and Stability of Numerical Algorithms, chapters 2 and 3). No constant is tuned: each
counts the roundings of one operation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.oracle.ghost_conv import ConvNormAct, GhostConv
from conformance.oracle.layers import Folded, hard_swish, relu, relu6, silu
from conformance.oracle.weighted import BatchNorm, Convolution

FLOAT64_ROUNDOFF = 2.0**-53
# Below this an implementation may flush to zero.
TINY = 2.0**-126
# Subtract, add eps, square root, divide, multiply, add, in either the folded or the plain form,
# come to 6.5 roundings; 8 leaves room for a reciprocal square root that is not correctly rounded.
NORM_ROUNDINGS = 8
# The roundings of a product whose factors and result have fewer bits than float32.
FACTORS_AND_RESULT = 3
# The absolute error of a sigmoid, which may be computed as 0.5 + 0.5 tanh(x / 2).
SIGMOID_ROUNDINGS = 8
# Below this the tanh form gives exactly 0, and any form is within twice the true value.
FLUSHED_SIGMOID = -20.0
# x + 3, clip, x / 6 or a product with 1 / 6, multiply; absolute, as x / 6 + 0.5 cancels at -3.
HARD_SWISH_ROUNDINGS = 5
# Below this every form of the gate is exactly 0.
CLOSED_GATE = -4.0
# Largest slopes of silu (1.0998...) and hard_swish (1.5).
SILU_SLOPE = 1.1
HARD_SWISH_SLOPE = 1.5


@dataclass(frozen=True)
class Tracked:
    """Values in float64, and the largest error that an implementation may have in each.

    `unit` is the unit roundoff of the implementation.
    """

    value: np.ndarray
    error: np.ndarray
    unit: float = UNIT_ROUNDOFF

    @property
    def magnitude(self) -> np.ndarray:
        """The largest absolute value that an implementation can have here."""
        return np.abs(self.value) + self.error


def gamma(roundings: int, unit: float = UNIT_ROUNDOFF) -> float:
    """Largest relative error of that many roundings, n u / (1 - n u)."""
    return roundings * unit / (1 - roundings * unit)


def summation(terms: int, unit: float) -> float:
    """Largest relative error of a sum of that many products.

    With fewer bits than float32, both factors and the result are rounded to them, and the sum runs
    in float32: all three frameworks do so on every device.
    """
    if unit <= UNIT_ROUNDOFF:
        return gamma(terms, unit)
    return gamma(FACTORS_AND_RESULT, unit) + gamma(terms)


def ghost_conv(module: GhostConv, x: np.ndarray, unit: float = UNIT_ROUNDOFF) -> Tracked:
    """Output of the oracle's layer for x: (N, C, H, W), with its error bound.

    In float64 the error of the oracle itself is allowed as well.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        primary = _half(module.primary_conv, Tracked(x, np.zeros_like(x), unit))
        halves = [primary]
        if module.cheap_conv is not None:
            halves.append(_half(module.cheap_conv, primary))
    value, error = (
        np.concatenate([getattr(half, name) for half in halves], axis=1)[:, : module.c_out]
        for name in ("value", "error")
    )
    return Tracked(value, error * (2 if unit <= FLOAT64_ROUNDOFF else 1), unit)


def convolution(layer: Convolution, x: Tracked) -> Tracked:
    """|W| * e + gamma_n (|W| * (|x| + e)), with n products in each sum."""
    terms = prod(layer.weight.shape[1:])
    absolute = replace(layer, weight=np.abs(layer.weight), bias=None)
    size = absolute(x.magnitude)
    if layer.bias is not None:
        terms, size = terms + 1, size + np.abs(layer.bias).reshape(-1, 1, 1)
    error = absolute(x.error) + summation(terms, x.unit) * size + terms * TINY
    return _tracked(layer(x.value), error, x.unit)


def batch_norm(layer: BatchNorm, x: Tracked) -> Tracked:
    """e |s| + gamma_8 ((|x| + e + |mean|) |s| + |bias|), with s = weight / sqrt(var + eps)."""
    scale = np.abs(layer.weight) / np.sqrt(layer.running_var + layer.eps)
    scale, mean, bias = (
        vector.reshape(-1, 1, 1) for vector in (scale, abs(layer.running_mean), abs(layer.bias))
    )
    rounding = gamma(NORM_ROUNDINGS, x.unit) * ((x.magnitude + mean) * scale + bias)
    return _tracked(layer(x.value), x.error * scale + rounding + TINY, x.unit)


def activation(function: object, x: Tracked) -> Tracked:
    """The error of x times the largest slope, and the roundings of the function itself."""
    value = function(x.value)  # type: ignore[operator]
    if function is relu:
        error = np.where(x.value + x.error > 0, x.error, 0)
    elif function is relu6:
        flat = (x.value + x.error <= 0) | (x.value - x.error >= 6)
        error = np.where(flat, 0, x.error)
    elif function is silu:
        upper = x.value + x.error
        rounded = SILU_SLOPE * x.error + gamma(SIGMOID_ROUNDINGS, x.unit) * x.magnitude
        error = np.where(upper < FLUSHED_SIGMOID, 2 * np.abs(silu(upper)) + TINY, rounded)
    elif function is hard_swish:
        rounded = HARD_SWISH_SLOPE * x.error + gamma(HARD_SWISH_ROUNDINGS, x.unit) * x.magnitude
        error = np.where(x.value + x.error < CLOSED_GATE, 0, rounded)
    else:
        error = x.error
    return _tracked(value, error, x.unit)


def _half(half: ConvNormAct, x: Tracked) -> Tracked:
    out = convolution(half.conv, x)
    if not isinstance(half.norm, Folded):
        out = batch_norm(half.norm, out)
    return activation(half.act, out)


def _tracked(value: np.ndarray, error: np.ndarray, unit: float) -> Tracked:
    """A value with its error, which is 0 for NaN and infinity: they must be equal."""
    return Tracked(value, np.where(np.isfinite(value), error, 0), unit)
