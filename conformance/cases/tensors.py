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
from weights.tensors import (
    CONVOLUTION,
    CONVOLUTION_BIAS,
    DEPTHWISE,
    NORM_BIAS,
    NORM_WEIGHT,
    RUNNING_MEAN,
    RUNNING_VAR,
)

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
        draw = distribution.kinds.get(spec.kind, distribution.weights)
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


def averaging(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels whose sums are never larger than their inputs."""
    return generator.uniform(-1, 1, shape) / prod(shape[1:])


def carrying(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels whose sums are never larger than their inputs either: one product carries most."""
    rows = averaging(generator, shape).reshape(shape[0], -1) / 10
    places = generator.integers(rows.shape[1], size=len(rows))
    rows[np.arange(len(rows)), places] = signed(times(0.9, one_sided))(generator, (len(rows),))
    return rows.reshape(shape)


def one_sided(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform from 0 to 1: sums without cancellation."""
    return generator.uniform(0, 1, shape)


def constant(value: float) -> Draw:
    """The same number everywhere."""
    return lambda generator, shape: np.full(shape, value)


def powers(least: float, most: float) -> Draw:
    """Powers of ten, evenly between two exponents."""
    return lambda generator, shape: 10 ** generator.uniform(least, most, shape)


def signed(draw: Draw) -> Draw:
    """The numbers of another draw, with either sign."""
    return lambda generator, shape: generator.choice([-1.0, 1.0], shape) * draw(generator, shape)


def times(factor: float, draw: Draw) -> Draw:
    """The numbers of another draw, multiplied."""
    return lambda generator, shape: factor * draw(generator, shape)


def plus(term: float, draw: Draw) -> Draw:
    """The numbers of another draw, moved."""
    return lambda generator, shape: term + draw(generator, shape)


def with_one(value: float, draw: Draw) -> Draw:
    """The numbers of another draw, but for one."""

    def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        array = draw(generator, shape)
        array.flat[generator.integers(array.size)] = value
        return array

    return drawn


def with_middle(value: float, draw: Draw) -> Draw:
    """The kernels of another draw, but for the middle of one, which never meets the padding."""

    def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        array = draw(generator, shape)
        filters, channels, height, width = shape
        place = generator.integers(filters), generator.integers(channels)
        array[(*place, height // 2, width // 2)] = value
        return array

    return drawn


# Vectors of a batch normalisation of which no two can be mistaken for one another.
RANDOM_NORMS: dict[str, Draw] = {
    NORM_WEIGHT: lambda random, shape: (
        random.choice([-1.0, 1.0, 1.0], shape) * random.uniform(0.5, 1.5, shape)
    ),
    NORM_BIAS: times(0.5, normal),
    RUNNING_MEAN: times(0.5, normal),
    RUNNING_VAR: powers(-2, 1),
}
# With these every operation on small integers is exact.
INTEGER_NORMS: dict[str, Draw] = {
    NORM_WEIGHT: lambda random, shape: random.choice([-1.0, 1.0, 2.0], shape),
    NORM_BIAS: integers,
    RUNNING_MEAN: integers,
    RUNNING_VAR: constant(1 - EXACT_EPS),
}
# With these the activations of a deep network neither explode nor vanish.
CALM_NORMS = RANDOM_NORMS | {RUNNING_VAR: plus(0.5, times(1.5, one_sided))}
# With these the smallest input shows.
CENTRED_NORMS = CALM_NORMS | dict.fromkeys(
    (CONVOLUTION_BIAS, NORM_BIAS, RUNNING_MEAN), constant(0.0)
)
# With these most activations are on the flat sides of their kinks, on both.
SATURATED_NORMS = CALM_NORMS | {NORM_WEIGHT: signed(powers(0, 1)), NORM_BIAS: times(4, normal)}


@dataclass(frozen=True)
class Distribution:
    """The draws of a case: of its input, its weights, and of the tensors of some kinds."""

    inputs: Draw
    weights: Draw = normal
    kinds: Mapping[str, Draw] = field(default_factory=lambda: RANDOM_NORMS)


def _spoilt_kernels(value: float, *kinds: str) -> Distribution:
    """Such a number in every kernel of these kinds."""
    kernels = dict.fromkeys(kinds, with_middle(value, scaled))
    return Distribution(normal, scaled, CALM_NORMS | kernels)


def _spoilt_norms(value: float, *kinds: str) -> Distribution:
    """Such a number in every vector of these kinds."""
    vectors = {kind: with_one(value, CALM_NORMS.get(kind, scaled)) for kind in kinds}
    return Distribution(normal, scaled, CALM_NORMS | vectors)


def _vanishing(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Variances below any eps, some of them 0."""
    return random.choice([0.0, 1.0, 1.0], shape) * powers(-12, -4)(random, shape)


def _depths(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Biases around 0 and far below."""
    return random.choice([0.0, 0.0, -90.0, -200.0], shape)


def _one_or_more(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Variances of 1, which leave numbers as large as they are, and larger ones."""
    return random.choice([0.0, 1.0], shape) * powers(0, 38)(random, shape) + 1


def _fading(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small numbers, in the columns of the right half nearly as small as they can be."""
    small = signed(powers(-25, -15))(random, shape)
    middle = shape[-1] // 2
    small[..., middle:] = signed(powers(-36.5, -35.5))(random, small[..., middle:].shape)
    return small


WIDE = signed(powers(-4, 4))
DISTRIBUTIONS = {
    "integers": Distribution(integers, integers, INTEGER_NORMS),
    "normal": Distribution(normal),
    "scaled": Distribution(normal, scaled, CALM_NORMS),
    "wide": Distribution(WIDE, WIDE),
    "one_sided": Distribution(one_sided, one_sided),
    "spike": Distribution(with_one(1000.0, constant(0.0))),
    "zeros": Distribution(constant(0.0)),
    "equal": Distribution(constant(0.1)),  # which binary fractions cannot hold
    # of steps: values on both sides of every kink, values at which exp(-x) leaves the range of
    # float32, a mean far from 0, variances far below eps
    "saturated": Distribution(normal, times(6, scaled), SATURATED_NORMS),
    "sunk": Distribution(normal, scaled, CALM_NORMS | {NORM_BIAS: _depths}),
    "offset": Distribution(plus(300, normal)),
    "faint": Distribution(
        times(1e-3, normal), scaled, {kind: times(1e-3, draw) for kind, draw in CALM_NORMS.items()}
    ),
    # one special number, of the input or of every tensor of some kinds
    "nan": Distribution(with_one(np.nan, normal)),
    "infinity": Distribution(with_one(np.inf, normal)),
    "negative_infinity": Distribution(with_one(-np.inf, normal)),
    "nan_kernels": _spoilt_kernels(np.nan, CONVOLUTION, DEPTHWISE),
    "nan_norms": _spoilt_norms(np.nan, CONVOLUTION_BIAS, *CALM_NORMS),
    # Not in cheap kernels: infinity times what is 0 but for a rounding may be NaN or not.
    "infinite_kernels": _spoilt_kernels(np.inf, CONVOLUTION),
    # An infinite weight of a norm is left out: folded into a kernel it gives NaN rightly.
    "infinite_norms": _spoilt_norms(
        np.inf, CONVOLUTION_BIAS, NORM_BIAS, RUNNING_MEAN, RUNNING_VAR
    ),
    # the ends of the range of float32
    "large": Distribution(times(1e30, normal)),
    "huge": Distribution(
        signed(powers(33, 37.7)), carrying,
        {
            NORM_WEIGHT: signed(one_sided),
            NORM_BIAS: signed(powers(20, 36)),
            RUNNING_MEAN: signed(powers(20, 36)),
            RUNNING_VAR: _one_or_more,
        },
    ),
    "huge_kernels": Distribution(
        times(1e-30, normal), times(1e30, scaled), CALM_NORMS | {CONVOLUTION_BIAS: normal}
    ),
    "tiny": Distribution(_fading, normal, CENTRED_NORMS),
    "tiny_weights": Distribution(
        normal, signed(powers(-14, -10)),
        CALM_NORMS | {NORM_WEIGHT: signed(powers(-6, -2)), NORM_BIAS: signed(powers(-35, -15)),
                      RUNNING_MEAN: constant(0.0)},
    ),
    "subnormal": Distribution(
        signed(powers(-44, -38)), normal, CENTRED_NORMS | {RUNNING_VAR: powers(-44, -38)}
    ),
    "vanishing_variances": Distribution(normal, scaled, CALM_NORMS | {RUNNING_VAR: _vanishing}),
    "negative_zero": Distribution(constant(-0.0)),
}  # fmt: skip
