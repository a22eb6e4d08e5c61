"""Batch normalisations and functions by other formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.judging.formulations import Formula, Moments
from conformance.oracle.layers import Folded, relu6


class Centred(Formula):
    """The reciprocal of the deviation first, the products afterwards."""

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        inverse = 1 / np.sqrt(var + self.eps)
        return bias + weight * ((x - mean) * inverse)


class Spread(Formula):
    """Every term scaled by itself: x scale - mean scale + bias."""

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        scale = weight * (1 / np.sqrt(var + self.eps))
        return x * scale - mean * scale + bias


class RoughRoot(Formula):
    """A reciprocal root that is an ulp too small, as TensorFlow's of 1 is."""

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        inverse = 1 / np.sqrt(var + self.eps) * np.float32(1 - 2.0**-24)
        return (x - mean) * (inverse * weight) + bias


class FusedAffine(Formula):
    """x scale + shift with one rounding."""

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        scale = weight / np.sqrt(var + self.eps)
        shift = bias - mean * scale
        return (x.astype(np.float64) * scale + shift).astype(x.dtype)


class NormInDouble(Formula):
    """float64 inside, rounded once."""

    def _normalised(self, x: Any, *vectors: Any) -> Any:
        mean, var, weight, bias = (vector.astype(np.float64) for vector in vectors)
        return ((x - mean) / np.sqrt(var + self.eps) * weight + bias).astype(x.dtype)


class Corrected(Moments):
    """The mean square of the differences less the square of their mean."""

    def _moments(self, x: Any) -> tuple[Any, Any]:
        mean = x.mean(axis=(0, 2, 3))
        centred = x - mean.reshape(-1, 1, 1)
        return mean, (centred * centred).mean(axis=(0, 2, 3)) - centred.mean(axis=(0, 2, 3)) ** 2


class Merged(Moments):
    """Moments of each image, merged one after the other (Welford; Chan, Golub and LeVeque)."""

    def _moments(self, x: Any) -> tuple[Any, Any]:
        mean, squares, size = 0, 0, x.size // len(x) // x.shape[1]
        for number in range(len(x)):
            image = x[number : number + 1]
            own = image.mean(axis=(0, 2, 3))
            apart, share = own - mean, 1 / (number + 1)
            rest = ((image - own.reshape(-1, 1, 1)) ** 2).sum(axis=(0, 2, 3))
            squares = squares + rest + apart**2 * (size * number * share)
            mean = mean + apart * share
        return mean, squares * (1 / (size * len(x)))


def fold(half: Any) -> None:
    """Merge the batch normalisation of a half into its kernel."""
    norm, conv = half.norm, half.conv
    if isinstance(norm, Folded):
        return
    scale = norm.weight / np.sqrt(norm.running_var + norm.eps)
    bias = 0 if conv.bias is None else conv.bias
    shift = norm.bias + (bias - norm.running_mean) * scale
    half.conv = replace(conv, weight=conv.weight * scale.reshape(-1, 1, 1, 1), bias=shift)
    half.norm = Folded()


def tanh_silu(x: Any) -> Any:
    """x (1 + tanh(x / 2)) / 2."""
    return x * (x.dtype.type(0.5) * (1 + np.tanh(x / 2)))


def stable_silu(x: Any) -> Any:
    """x times a sigmoid that takes exponentials of negative numbers only."""
    power = np.exp(-np.abs(x))
    return x * np.where(x < 0, power / (1 + power), 1 / (1 + power))


def sixth_hard_swish(x: Any) -> Any:
    """x (relu6(x + 3) (1 / 6))."""
    return x * (relu6(x + 3) * x.dtype.type(1 / 6))


def clipped_hard_swish(x: Any) -> Any:
    """x clip(x / 6 + 1 / 2, 0, 1)."""
    return x * np.clip(x / 6 + x.dtype.type(0.5), 0, 1)


def chosen_relu(x: Any) -> Any:
    """0 where x is below it, else x."""
    return np.where(x < 0, 0, x).astype(x.dtype)
