"""The tensors of a case, made from its seed.

Inputs and weights are rounded to float32 before anybody sees them, so that the oracle and an
implementation start from the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from conformance.cases.case import Case
from weights import configure
from weights.tensors import NORM_BIAS, NORM_WEIGHT, RUNNING_MEAN, RUNNING_VAR, TensorSpec

Tensors = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# With this eps, and 1 - eps as variance, batch normalisation divides by exactly 1.
EXACT_EPS = 2.0**-10


def make(case: Case) -> tuple[Tensors, np.ndarray]:
    """The weights, by canonical name, and the input (N, C, H, W) of a case, in float32."""
    generator = np.random.Generator(np.random.PCG64(case.seed))
    specs = configure(case.architecture, case.config).tensors()
    draw_weight, draw_input = WEIGHTS.get(case.data, normal), INPUTS[case.data]
    draw_norm = NORMS.get(case.data, random_norm)
    weights = {}
    for spec in specs:
        norm = draw_norm(generator, spec)
        drawn = draw_weight(generator, spec.shape) if norm is None else norm
        weights[spec.name] = drawn.astype(np.float32)
    return weights, draw_input(generator, case.input_shape).astype(np.float32)


def random_norm(generator: np.random.Generator, spec: TensorSpec) -> np.ndarray | None:
    """Batch-norm vectors in which no two of the four can be mistaken for one another."""
    if spec.kind == NORM_WEIGHT:
        sign = generator.choice([-1.0, 1.0, 1.0], spec.shape)
        return sign * generator.uniform(0.5, 1.5, spec.shape)
    if spec.kind in (NORM_BIAS, RUNNING_MEAN):
        return generator.normal(0, 0.5, spec.shape)
    if spec.kind == RUNNING_VAR:
        return 10 ** generator.uniform(-2, 1, spec.shape)
    return None


def integer_norm(generator: np.random.Generator, spec: TensorSpec) -> np.ndarray | None:
    """Batch-norm vectors with which every operation on small integers is exact."""
    if spec.kind == NORM_WEIGHT:
        return generator.choice([-1.0, 1.0, 2.0], spec.shape)
    if spec.kind in (NORM_BIAS, RUNNING_MEAN):
        return generator.integers(-3, 4, spec.shape).astype(float)
    if spec.kind == RUNNING_VAR:
        return np.full(spec.shape, 1 - EXACT_EPS)
    return None


def calm_norm(generator: np.random.Generator, spec: TensorSpec) -> np.ndarray | None:
    """Like `random_norm`, but a deep network neither explodes nor dies of it."""
    if spec.kind == RUNNING_VAR:
        return generator.uniform(0.5, 2, spec.shape)
    return random_norm(generator, spec)


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


INPUTS: dict[str, Draw] = {
    "integers": integers,
    "normal": normal,
    "scaled": normal,
    "wide": wide,
    "one_sided": one_sided,
    "spike": with_one(1000.0, constant(0.0)),
    "zeros": constant(0.0),
    "equal": constant(0.1),  # which binary fractions cannot hold
    "nan": with_one(np.nan, normal),
    "infinity": with_one(np.inf, normal),
    "negative_infinity": with_one(-np.inf, normal),
    "large": lambda generator, shape: normal(generator, shape) * 1e30,  # within float32
    "negative_zero": constant(-0.0),
}
WEIGHTS = {"integers": integers, "wide": wide, "one_sided": one_sided, "scaled": scaled}
NORMS = {"integers": integer_norm, "scaled": calm_norm}
