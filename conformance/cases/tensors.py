"""The tensors of a case, made from its seed.

Inputs and weights are rounded to float32 before anybody sees them, so that the oracle and an
implementation start from the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from conformance.cases.case import Case
from weights import configure
from weights.tensors import NORM_BIAS, NORM_WEIGHT, RUNNING_MEAN, RUNNING_VAR

Tensors = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# With this eps, and 1 - eps as variance, batch normalisation divides by exactly 1.
EXACT_EPS = 2.0**-10


def make(case: Case) -> tuple[Tensors, np.ndarray]:
    """The weights, by canonical name, and the input (N, C, H, W) of a case, in float32."""
    generator = np.random.Generator(np.random.PCG64(case.seed))
    distribution = DISTRIBUTIONS[case.data]
    weights = {}
    for spec in configure(case.architecture, case.config).tensors():
        draw = distribution.norms.get(spec.kind, distribution.weights)
        weights[spec.name] = draw(generator, spec.shape).astype(np.float32)
    return weights, distribution.inputs(generator, case.input_shape).astype(np.float32)


def integers(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers from -3 to 3."""
    return generator.integers(-3, 4, shape).astype(float)


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal numbers."""
    return generator.normal(0, 1, shape)


def scaled(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels whose sums are as large as their inputs; biases, and inputs, of order one."""
    return generator.normal(0, 1, shape) / np.sqrt(prod(shape[1:]))


def wide(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Magnitudes from 1e-4 to 1e4, of both signs."""
    return generator.choice([-1.0, 1.0], shape) * 10 ** generator.uniform(-4, 4, shape)


def one_sided(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform from 0 to 1: sums without cancellation."""
    return generator.uniform(0, 1, shape)


def constant(value: float) -> Draw:
    """The same number everywhere."""
    return lambda generator, shape: np.full(shape, value)


def with_one(value: float, draw: Draw) -> Draw:
    """The numbers of another draw, but for one."""

    def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        array = draw(generator, shape)
        array.flat[generator.integers(array.size)] = value
        return array

    return drawn


# Vectors of a batch normalisation of which no two can be mistaken for one another.
RANDOM_NORMS: dict[str, Draw] = {
    NORM_WEIGHT: lambda random, shape: (
        random.choice([-1.0, 1.0, 1.0], shape) * random.uniform(0.5, 1.5, shape)
    ),
    NORM_BIAS: lambda random, shape: random.normal(0, 0.5, shape),
    RUNNING_MEAN: lambda random, shape: random.normal(0, 0.5, shape),
    RUNNING_VAR: lambda random, shape: 10 ** random.uniform(-2, 1, shape),
}
# With these every operation on small integers is exact.
INTEGER_NORMS: dict[str, Draw] = {
    NORM_WEIGHT: lambda random, shape: random.choice([-1.0, 1.0, 2.0], shape),
    NORM_BIAS: integers,
    RUNNING_MEAN: integers,
    RUNNING_VAR: constant(1 - EXACT_EPS),
}
# With these the activations of a deep network neither explode nor vanish.
CALM_NORMS = RANDOM_NORMS | {RUNNING_VAR: lambda random, shape: random.uniform(0.5, 2, shape)}


@dataclass(frozen=True)
class Distribution:
    """The draws of a case: of its input, its weights, and vectors of batch normalisations."""

    inputs: Draw
    weights: Draw = normal
    norms: Mapping[str, Draw] = field(default_factory=lambda: RANDOM_NORMS)


DISTRIBUTIONS = {
    "integers": Distribution(integers, integers, INTEGER_NORMS),
    "normal": Distribution(normal),
    "scaled": Distribution(normal, scaled, CALM_NORMS),
    "wide": Distribution(wide, wide),
    "one_sided": Distribution(one_sided, one_sided),
    "spike": Distribution(with_one(1000.0, constant(0.0))),
    "zeros": Distribution(constant(0.0)),
    "equal": Distribution(constant(0.1)),  # which binary fractions cannot hold
    "nan": Distribution(with_one(np.nan, normal)),
    "infinity": Distribution(with_one(np.inf, normal)),
    "negative_infinity": Distribution(with_one(-np.inf, normal)),
    "large": Distribution(lambda random, shape: random.normal(0, 1e30, shape)),  # within float32
    "negative_zero": Distribution(constant(-0.0)),
}
