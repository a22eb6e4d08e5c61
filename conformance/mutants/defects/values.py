"""Defects of numbers: too few bits, a range that is too small, NaN and infinity lost or spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.faults.changes import (
    Change,
    computed_as,
    inputs,
    outputs,
    replace_activation,
    with_methods,
)
from conformance.mutants.mutant import Mutant
from conformance.oracle.layers import hard_swish, identity, relu, relu6, sigmoid, silu
from conformance.oracle.weighted import BatchNorm, Convolution
from weights.tensors import DTYPES

VECTORS = ("weight", "bias", "running_mean", "running_var")


def rounded(x: np.ndarray, lost_bits: int) -> np.ndarray:
    """A float32 array without its last bits, rounded to nearest."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    half_way, lost = np.uint32(1 << (lost_bits - 1)), np.uint32(lost_bits)
    return ((bits + half_way) >> lost << lost).view(np.float32)


def factors(edit: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Edit both factors of every product of the convolutions."""

    def call(self: Any, x: np.ndarray) -> np.ndarray:
        return Convolution.__call__(replace(self, weight=edit(self.weight)), edit(x))

    return with_methods(Convolution, __call__=call)


def kernel(edit: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Edit the kernel of every convolution when it is used."""
    return computed_as(Convolution, lambda conv: replace(conv, weight=edit(conv.weight)))


def vectors(edit: Callable[[np.ndarray], np.ndarray], *names: str) -> Change:
    """Edit vectors of every batch normalisation when they are used."""

    def edited(norm: Any) -> Any:
        return replace(norm, **{name: edit(getattr(norm, name)) for name in names})

    return computed_as(BatchNorm, edited)


def through(dtype: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Rounding to another type and back."""
    return lambda x: x.astype(dtype).astype(x.dtype)


def _in_steps(x: np.ndarray) -> np.ndarray:
    step = np.abs(x).max() / x.dtype.type(127)
    return np.rint(x / step) * step


def at_least(least: float) -> Callable[[np.ndarray], np.ndarray]:
    """Clipping from below, NaN left as it is."""
    return lambda x: np.maximum(x, x.dtype.type(least))


def _small_lost(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 1e-12, 0, x).astype(x.dtype)


def _large_infinite(limit: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(np.abs(x) > limit, np.copysign(np.inf, x), x).astype(x.dtype)


def _nan_as(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(np.isnan(x), value, x).astype(x.dtype)


def _without_nan_bias(conv: Any) -> Any:
    return conv if conv.bias is None else replace(conv, bias=_nan_as(0)(conv.bias))


def _finite(x: np.ndarray) -> np.ndarray:
    return np.clip(x, np.finfo(x.dtype).min, np.finfo(x.dtype).max)


def _leaking(conv: Any, x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Add 0 times all channels, as a depthwise convolution does that is one dense product."""
    if conv.groups == 1:
        return out
    return out + 0 * x.sum(axis=(1, 2, 3), keepdims=True)


def _leaking_images(conv: Any, x: np.ndarray, out: np.ndarray) -> np.ndarray:
    return out + 0 * x.sum()


def _zero_for_nan(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0).astype(x.dtype)


def _exponential_first(x: np.ndarray) -> np.ndarray:
    return x * np.exp(x) / (1 + np.exp(x))


def _closed(x: np.ndarray) -> np.ndarray:
    """hard_swish that never multiplies where the gate is closed."""
    return np.where(x <= -3, 0, hard_swish(x)).astype(x.dtype)


def _eps_outside(norm: Any, x: Any) -> Any:
    mean, deviation, weight, bias = (
        each.reshape(-1, 1, 1)
        for each in (norm.running_mean, np.sqrt(norm.running_var), norm.weight, norm.bias)
    )
    return (x - mean) / (deviation + np.sqrt(norm.eps)) * weight + bias


MODULE, SPECIAL = "module", "special"
VALUE_MUTANTS = (
    Mutant("tf32", "factors of products rounded to TF32", MODULE,
           factors(lambda x: rounded(x, 13))),
    Mutant("bfloat16", "factors of products rounded to bfloat16", MODULE,
           factors(lambda x: rounded(x, 16))),
    Mutant("float16", "factors of products rounded to float16", MODULE,
           factors(through(np.float16))),
    Mutant("bfloat16-kernels", "kernels rounded to bfloat16", MODULE,
           kernel(through(DTYPES["BF16"]))),
    Mutant("int8-kernels", "kernels rounded to 255 steps", MODULE, kernel(_in_steps)),
    Mutant("float16-sums", "the results of sums rounded to float16", MODULE,
           outputs(Convolution, lambda conv, x, out: through(np.float16)(out))),
    Mutant("bfloat16-norms", "vectors of the norm rounded to bfloat16", MODULE,
           vectors(through(DTYPES["BF16"]), *VECTORS)),
    Mutant("three-bits-less", "products rounded to 21 bits", MODULE,
           factors(lambda x: rounded(x, 3))),
    Mutant("variance-clipped", "a variance below 1e-3 is 1e-3", SPECIAL,
           vectors(at_least(1e-3), "running_var")),
    Mutant("variance-clipped-finely", "a variance below 1e-5 is 1e-5", SPECIAL,
           vectors(at_least(1e-5), "running_var")),
    Mutant("eps-outside", "eps is added to the deviation, not to the variance", MODULE,
           with_methods(BatchNorm, __call__=_eps_outside)),
    Mutant("tiny-lost", "inputs below 1e-12 are 0", SPECIAL,
           inputs(Convolution, lambda conv, x: _small_lost(x))),
    Mutant("tiny-weights-lost", "weights below 1e-12 are 0", SPECIAL, kernel(_small_lost)),
    Mutant("infinite-above-1e33", "what is above 1e33 is infinite", SPECIAL,
           outputs(Convolution, lambda conv, x, out: _large_infinite(1e33)(out))),
    Mutant("infinite-above-1e37", "what is above 1e37 is infinite", SPECIAL,
           outputs(BatchNorm, lambda norm, x, out: _large_infinite(1e37)(out))),
    Mutant("zero-below-1e-36", "what is below 1e-36 is 0", SPECIAL,
           outputs(BatchNorm, lambda norm, x, out: np.where(np.abs(out) < 1e-36, 0 * out, out))),
    Mutant("infinite-above-65504", "what is above 65504 is infinite", MODULE,
           outputs(Convolution, lambda conv, x, out: _large_infinite(65504)(out))),
    Mutant("nan-to-zero", "relu makes 0 of NaN", SPECIAL,
           replace_activation(relu, _zero_for_nan)),
    Mutant("nan-to-six", "relu6 makes 6 of NaN", SPECIAL,
           replace_activation(relu6, lambda x: np.fmin(np.maximum(x, 0), 6))),
    Mutant("nan-inputs-lost", "NaN in the input is 0", SPECIAL,
           inputs(Convolution, lambda conv, x: _nan_as(0)(x))),
    Mutant("nan-weights-lost", "NaN in a kernel is 0", SPECIAL, kernel(_nan_as(0))),
    Mutant("nan-variance-lost", "NaN in a variance is 1", SPECIAL,
           vectors(_nan_as(1), "running_var")),
    Mutant("nan-mean-lost", "NaN in a mean is 0", SPECIAL, vectors(_nan_as(0), "running_mean")),
    Mutant("nan-scale-lost", "NaN in the weight of a norm is 1", SPECIAL,
           vectors(_nan_as(1), "weight")),
    Mutant("nan-shift-lost", "NaN in the bias of a norm is 0", SPECIAL,
           vectors(_nan_as(0), "bias")),
    Mutant("nan-conv-bias-lost", "NaN in the bias of a convolution is 0", SPECIAL,
           computed_as(Convolution, _without_nan_bias)),
    Mutant("no-infinity", "relu makes a large number of infinity", SPECIAL,
           replace_activation(relu, lambda x: _finite(relu(x)))),
    Mutant("finite-sums", "sums are clipped to finite numbers", SPECIAL,
           outputs(Convolution, lambda conv, x, out: _finite(out))),
    Mutant("channels-leak", "NaN and infinity reach the other groups", SPECIAL,
           outputs(Convolution, _leaking)),
    Mutant("images-leak", "NaN and infinity reach the other images", SPECIAL,
           outputs(Convolution, _leaking_images)),
    Mutant("silu-overflows", "silu is NaN where the exponential is infinite", SPECIAL,
           replace_activation(silu, _exponential_first)),
    Mutant("silu-closed", "silu is 0 below -5", MODULE,
           replace_activation(silu, lambda x: np.where(x < -5, 0, silu(x)).astype(x.dtype))),
    Mutant("hard-swish-closed", "hard_swish of minus infinity is 0", SPECIAL,
           replace_activation(hard_swish, _closed)),
    Mutant("identity-clipped", "identity is cut at 1e4", MODULE,
           replace_activation(identity, lambda x: np.clip(x, -1e4, 1e4))),
    Mutant("coarse-sigmoid", "the sigmoid of silu has three digits", MODULE,
           replace_activation(silu, lambda x: x * np.round(sigmoid(x), 3))),
)  # fmt: skip
