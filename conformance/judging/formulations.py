"""Batch normalisation as libraries have it, which is as right as the oracle's and errs otherwise.

In the closed form of the backward pass what the rounding of the mean leaves stands in every term of
a sum with the same sign, whereas the oracle's sum is 0 whatever the mean. In one pass, `x * scale +
shift` cancels where the mean is large, and so do the gradients through it; moments of values less
something near their mean add up other terms. So some of the runs that say what float32 may err use
each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.gradients.tape import Variable
from conformance.gradients.vjps import summed
from conformance.oracle.weighted import BatchNorm

AXES = (0, 2, 3)


class ClosedForm(BatchNorm):
    """The oracle's batch normalisation with another backward pass (Ioffe and Szegedy, 2015)."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W), the same out."""
        if not (self.training and isinstance(x, Variable)):
            return super().__call__(x)
        update: Any = self._update  # of variables, which all of these are in a training step
        weight: Any = self.weight
        bias: Any = self.bias
        mean, var = (statistic.value.reshape(-1, 1, 1) for statistic in update(x))
        count = x.size // x.shape[1]
        noise = x.noise
        scale = noise(1 / np.sqrt(var + self.eps).astype(x.dtype))
        normed = noise(noise(x.value - mean) * scale)

        def of_input(g: np.ndarray) -> np.ndarray:
            along = noise(summed(g, AXES) / count), noise(summed(g * normed, AXES) / count)
            centred = noise(noise(g - along[0]) - noise(normed * along[1]))
            return centred * noise(scale * weight.value.reshape(-1, 1, 1))

        return x.derived(
            noise(normed * weight.value.reshape(-1, 1, 1)) + bias.value.reshape(-1, 1, 1),
            [
                (x, of_input),
                (weight, lambda g: summed(g * normed, AXES).reshape(-1)),
                (bias, lambda g: summed(g, AXES).reshape(-1)),
            ],
        )


class Formula(BatchNorm):
    """The base of those that normalise by `_normalised(x, mean, var, weight, bias)`."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W), the same out."""
        mean, var = self._update(x) if self.training else (self.running_mean, self.running_var)
        vectors = (mean, var, self.weight, self.bias)
        return self._normalised(x, *(vector.reshape(-1, 1, 1) for vector in vectors))

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        raise NotImplementedError


class Affine(Formula):
    """x scale + shift, the two computed beforehand."""

    def _normalised(self, x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        scale = weight / np.sqrt(var + self.eps)
        return x * scale + (bias - mean * scale)


class Moments(BatchNorm):
    """The base of those that compute mean and variance by `_moments(x)`."""

    def _update(self, x: Any) -> tuple[Any, Any]:
        count = x.size // x.shape[1]
        mean, var = self._moments(x)
        unbiased = var * (count / (count - 1))
        self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)
        self.running_var = self.running_var + self.momentum * (unbiased - self.running_var)
        return mean, var

    def _moments(self, x: Any) -> tuple[Any, Any]:
        raise NotImplementedError


class Shifted(Moments):
    """The mean of squares less the square of the mean, of differences to the first image's mean."""

    def _moments(self, x: Any) -> tuple[Any, Any]:
        first = getattr(x, "value", x)[:1].mean(axis=(2, 3), keepdims=True)
        apart = x - first
        mean = apart.mean(axis=(0, 2, 3))
        return mean + first.reshape(-1), (apart * apart).mean(axis=(0, 2, 3)) - mean * mean


class OnePass(Affine, Shifted):
    """x scale + shift, the moments of values less the mean of the first image."""


# Those of the float32 runs, in turn.
FORMULATIONS = (BatchNorm, ClosedForm, OnePass, ClosedForm)
