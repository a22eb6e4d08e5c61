"""Batch normalisations drawn at random, with which a network still computes numbers of order one.

A freshly made batch normalisation hides most mistakes: its weight equals its variance, its bias
equals its mean. Here all four vectors are drawn anew, so that no two can be mistaken for one
another, and fitted to the data: mean and variance of a channel are those of what arrives there in
the oracle, the mean moved by about half a standard deviation, the variance enlarged. Each layer is
fitted behind those already drawn, so nothing grows or dies out however deep the network is. Kernels
and biases are kept: they are the file's.

Variances are enlarged 4 to 16 times, and none is below its layer's mean, because such layers damp
what comes in. With the bare variances a deep network amplifies its own roundings, and what is
allowed grows to a hundredth of the output: faults would hide in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from conformance.cases.model import Model, in_dtype
from conformance.cases.tensors import RANDOM_NORMS, Tensors
from conformance.oracle import adapter, weights_io
from conformance.oracle.walk import parts
from conformance.oracle.weighted import BatchNorm
from weights import configure
from weights.tensors import RUNNING_VAR, TensorSpec

LEAST_VARIANCE = 1e-6


@dataclass
class FittedBatchNorm(BatchNorm):
    """Batch normalisation that sets its statistics by its input, and normalises by them.

    Those that it was made with say how far they are from the input's: the mean in standard
    deviations, the variance as a factor.
    """

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W), the same out."""
        mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        var = np.maximum(var, max(var.mean(), LEAST_VARIANCE))
        self.running_mean = mean + self.running_mean * np.sqrt(var)
        self.running_var = self.running_var * var
        return super().__call__(x)


def randomise(model: Model, x: np.ndarray, seed: int) -> Model:
    """The same model with every batch normalisation drawn anew, and fitted to x: (N, C, H, W).

    `seed` is that of the generator. Kernels and biases stay as they are, in float32.
    """
    generator = np.random.Generator(np.random.PCG64([seed, crc32(b"randomised")]))
    departures = _draw(generator, list(configure(model.architecture, model.config).tensors()))
    start = in_dtype(model.weights, np.float64) | departures
    module = weights_io.build(model.architecture, model.config, start)
    for norm in parts(module, BatchNorm):
        norm.__class__ = FittedBatchNorm
    with np.errstate(all="ignore"):  # weights may give NaN, which the rule judges
        adapter.Adapter(module, np.float64).taps(x)
    state = weights_io.FRAMEWORK.state(module)
    fitted = {name: state[name] for name in departures}
    return model._replace(weights=in_dtype(model.weights | fitted, np.float32))


def _draw(generator: np.random.Generator, specs: Sequence[TensorSpec]) -> Tensors:
    draws = RANDOM_NORMS | {RUNNING_VAR: lambda random, shape: 4 ** random.uniform(1, 2, shape)}
    return {
        spec.name: draws[spec.kind](generator, spec.shape) for spec in specs if spec.kind in draws
    }
