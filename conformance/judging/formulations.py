"""Batch normalisation with the closed form of its backward pass, as most libraries have it.

It is as right as the derivative that the oracle takes of its own text, and errs in another way:
what the rounding of the mean leaves stands in every term of a sum with the same sign, whereas the
oracle's sum is 0 whatever the mean. So half of the runs that say what float32 may err use it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.gradients.tape import Variable
from conformance.gradients.vjps import summed
from conformance.oracle.walk import parts
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


def use_closed_form(module: Any) -> None:
    """Let every batch normalisation of a module of the oracle have it."""
    for norm in list(parts(module, BatchNorm)):
        norm.__class__ = ClosedForm
