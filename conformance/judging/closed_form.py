"""The backward pass of batch normalisation in closed form, as most libraries have it.

With h = (x - mean) / sqrt(var + eps) and s = g weight it gives

    (s - mean(s) - h mean(s h)) / sqrt(var + eps)

(Ioffe and Szegedy, ICML 2015, section 3, with the sums taken together). The mean of h is 0 but for
the rounding of `mean`, which this form multiplies by mean(s h) and the chain of the oracle's own
operations takes away again. Either is float32 arithmetic of the same step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.gradients.tape import Variable
from conformance.gradients.vjps import summed
from conformance.oracle.layers import BatchNorm
from conformance.oracle.walk import parts

AXES = (0, 2, 3)


class ClosedFormNorm(BatchNorm):
    """A batch normalisation that is one operation to the variables that record what made them."""

    def __call__(self, x: Any) -> Any:
        """Shapes: x: (N, C, H, W), the same out."""
        if not self.training or not isinstance(x, Variable):
            return super().__call__(x)
        mean, var = (_column(vector) for vector in self._update(x))
        weight = _column(self.weight)
        deviation = np.sqrt(var + var.dtype.type(self.eps))
        normed = (x.value - mean) / deviation
        count = x.dtype.type(x.size // x.shape[1])

        def to_x(g: np.ndarray) -> np.ndarray:
            scaled = g * weight
            shift, slope = (summed(each, AXES) / count for each in (scaled, scaled * normed))
            return (scaled - shift - normed * slope) / deviation

        return x.derived(
            normed * weight + _column(self.bias),
            [
                (x, to_x),
                (self.weight, lambda g: summed(g * normed, AXES).reshape(-1)),
                (self.bias, lambda g: summed(g, AXES).reshape(-1)),
            ],
        )


def in_closed_form(module: Any) -> Any:
    """The module of the oracle, whose batch normalisations have their closed form from now on."""
    for norm in parts(module, BatchNorm):
        norm.__class__ = ClosedFormNorm
    return module


def _column(vector: Any) -> np.ndarray:
    """The value of a vector, or of a variable of one, as a factor of maps (N, C, H, W)."""
    array: np.ndarray = vector.value if isinstance(vector, Variable) else vector
    return array.reshape(-1, 1, 1)
