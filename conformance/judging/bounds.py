"""Bounds on the error of a correct float32 implementation, element by element.

A running error bound: beside every value of the oracle goes the largest error that roundings so
far can have caused, for any order of summation, with or without fused multiply-add, and with the
batch normalisation after the sum or folded into it (Higham, Accuracy and Stability of Numerical
Algorithms, chapters 2 and 3). No constant is tuned: each counts the roundings of one operation,
and `docs/tolerances.md` has the count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.oracle.ghost_conv import ConvNormAct, GhostConv
from conformance.oracle.layers import Folded, LeakyReLU, hard_swish, relu, relu6, silu
from conformance.oracle.weighted import BatchNorm, Convolution

FLOAT64_ROUNDOFF = 2.0**-53
# Below this an implementation may flush to zero.
TINY = 2.0**-126
# Of eps and of var + eps, whose root halves them, 1; of a reciprocal root that is right to two
# units in its last place, 4; of mean, weight, product and bias 1 each.
NORM_ROUNDINGS = 9
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
# Of a leaky relu's slope, and of the product with it.
SLOPE_ROUNDINGS = 2
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


def summation(terms: int, unit: float, norm: int = 0) -> float:
    """Largest relative error of a sum of that many products, and of `norm` roundings more.

    With fewer bits than float32, both factors and the result are rounded to them, and the sum runs
    in float32: all three frameworks do so on every device.
    """
    if unit <= UNIT_ROUNDOFF:
        return gamma(terms + norm, unit)
    return gamma(FACTORS_AND_RESULT + norm, unit) + gamma(terms)


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


def convolution(layer: Convolution, norm: BatchNorm | None, x: Tracked) -> Tracked:
    """s |W| e + gamma_(n+9) (s |W| (|x| + e) + s |mean| + |bias|), s = weight / sqrt(var + eps).

    Each sum has n products, and without batch normalisation there are neither s nor the 9. One
    bound holds for both forms: folded, the constants are terms of the sum, which may begin there.
    """
    terms = prod(layer.weight.shape[1:])
    absolute = replace(layer, weight=np.abs(layer.weight), bias=None)
    value, size, error = layer(x.value), absolute(x.magnitude), absolute(x.error)
    if layer.bias is not None:
        terms, size = terms + 1, size + np.abs(layer.bias).reshape(-1, 1, 1)
    error = error + terms * TINY
    if norm is None:
        return _tracked(value, error + summation(terms, x.unit) * size, x.unit)
    scale, mean, bias = (
        np.abs(vector).reshape(-1, 1, 1)
        for vector in (
            norm.weight / np.sqrt(norm.running_var + norm.eps), norm.running_mean, norm.bias,
        )
    )  # fmt: skip
    rounding = summation(terms, x.unit, NORM_ROUNDINGS) * ((size + mean) * scale + bias)
    return _tracked(norm(value), error * scale + rounding + TINY, x.unit)


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
    elif isinstance(function, LeakyReLU):
        scaled = x.value - x.error < 0
        error = x.error + np.where(scaled, gamma(SLOPE_ROUNDINGS, x.unit) * x.magnitude, 0)
    else:
        error = x.error
    return _tracked(value, error, x.unit)


def _half(half: ConvNormAct, x: Tracked) -> Tracked:
    norm = None if isinstance(half.norm, Folded) else half.norm
    return activation(half.act, convolution(half.conv, norm, x))


def _tracked(value: np.ndarray, error: np.ndarray, unit: float) -> Tracked:
    """A value with its error, which is 0 for NaN and infinity: they must be equal."""
    return Tracked(value, np.where(np.isfinite(value), error, 0), unit)
