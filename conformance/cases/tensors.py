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


def spike(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros, but for one large number."""
    return _with(np.zeros(shape), generator, 1000.0)


def zeros(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros."""
    return np.zeros(shape)


def equal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One tenth everywhere, which binary fractions cannot hold."""
    return np.full(shape, 0.1)


def nan(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers and one NaN."""
    return _with(normal(generator, shape), generator, np.nan)


def infinity(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers and one positive infinity."""
    return _with(normal(generator, shape), generator, np.inf)


def negative_infinity(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers and one negative infinity."""
    return _with(normal(generator, shape), generator, -np.inf)


def large(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal numbers times 1e30: far from one, within float32."""
    return normal(generator, shape) * 1e30


def negative_zero(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Negative zeros."""
    return np.full(shape, -0.0)


INPUTS: dict[str, Draw] = {"scaled": normal} | {
    function.__name__: function
    for function in (
        integers,
        normal,
        wide,
        one_sided,
        spike,
        zeros,
        equal,
        nan,
        infinity,
        negative_infinity,
        large,
        negative_zero,
    )
}
WEIGHTS: dict[str, Draw] = {
    "integers": integers,
    "wide": wide,
    "one_sided": one_sided,
    "scaled": scaled,
}
NORMS = {"integers": integer_norm, "scaled": calm_norm}


def _with(array: np.ndarray, generator: np.random.Generator, value: float) -> np.ndarray:
    array.flat[generator.integers(array.size)] = value
    return array
