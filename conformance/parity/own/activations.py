"""Which activation makes one array of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from conformance.judging.explanations import LEFT
from conformance.oracle.layers import (
    LeakyReLU,
    hard_sigmoid,
    hard_swish,
    identity,
    relu,
    relu6,
    sigmoid,
    silu,
)
from conformance.parity.own.arrays import largest_ratio

Function = Callable[[np.ndarray], np.ndarray]
# The share of an array in which an activation must leave its argument as it is, to tell of another.
TELLING = 0.125
# The name of no activation.
NONE = "none"


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


# The simplest first: where data cannot tell two apart, it is named.
ACTIVATIONS: Mapping[str, Function] = {
    "relu": relu,
    "relu6": relu6,
    **{f"leaky_relu with slope {slope:g}": LeakyReLU(slope) for slope in (0.01, 0.1, 0.2, 0.3)},
    "silu": silu,
    "hard_swish": hard_swish,
    "gelu": _gelu,
    "gelu with tanh": _gelu_tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "tanh": np.tanh,
    "elu": _elu,
    "softplus": lambda x: np.logaddexp(x, 0),
    NONE: identity,
}
# Those that leave an argument as it is where their value is positive, and below a number.
REVEALING = {"relu": np.inf, "relu6": 6.0}


def activation_between(x: np.ndarray, y: np.ndarray, allowed: float) -> str | None:
    """The name of the activation that makes y of x, None where none does."""
    if x.shape != y.shape:
        return None
    fitting = (name for name, of in ACTIVATIONS.items() if _fits(of(x), y, allowed))
    return next(fitting, None)


def seen_through(y: np.ndarray, other: np.ndarray, allowed: float) -> tuple[str, str] | None:
    """The activations (of y, of the other), where y shows the argument of both in its values.

    Where relu gives a positive number, that is its argument.
    """
    for name, limit in REVEALING.items():
        shown = (y > 0) & (y < limit)
        if (y < 0).any() or shown.mean() < TELLING:
            continue
        found = activation_between(y[shown], other[shown], allowed)
        if found is not None and found not in (NONE, name) and not found.startswith("leaky"):
            return name, found
    return None


def _fits(found: np.ndarray, wanted: np.ndarray, allowed: float) -> bool:
    return largest_ratio(found, wanted, LEFT * allowed) <= 1
