"""The oracle's backward pass: against finite differences, exact integers and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.model import in_dtype, output_cotangent
from conformance.gradients.tape import Variable, gradients, perturbed
from conformance.gradients.vjps import UFUNCS, summed
from conformance.judging.steps import flatten_step
from conformance.oracle import layers, weights_io
from conformance.oracle.training import train_step
from conformance.tiers import ExactTier, TrainingTier

STEP = 1e-5
CASES = {case.id: case for case in TrainingTier().cases()}
# A step passes corners of their many relus.
BIG = ("ghostnet", "ghost_vgg", "ghost_resnet")
SMALL = [name for name, case in CASES.items() if not case.architecture.startswith(BIG)]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).normal(size=shape)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + x[:, :1] + 2,
    "subtract": lambda x: 1 - x - x[0],
    "multiply": lambda x: x * x[:, :, :1],
    "divide": lambda x: x / (x * x + 1) + 2 / (x + 9),
    "power": lambda x: x**3,
    "exp": lambda x: np.exp(x),
    "sqrt": lambda x: np.sqrt(x * x + 1),
    "negative": lambda x: -x,
    "square": lambda x: np.square(x),
    "maximum": lambda x: np.maximum(x, 0.1),
    "minimum": lambda x: np.minimum(0.2, x),
    "matmul": lambda x: x @ x.reshape(2, 4, 3, 5).sum(axis=0).reshape(1, 4, 5, 3),
    "transpose": lambda x: x.T * x.T,
    "slice": lambda x: x[:, 1:, ::2],
    "concatenate": lambda x: np.concatenate([x, x * x], axis=1),
    "pad": lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0), (2, 0))),
    "mean": lambda x: x.mean(axis=(2, 3), keepdims=True) * x,
    "sum": lambda x: x.sum(axis=1),
    "max": lambda x: x.max(axis=(1, 3)),
    "take": lambda x: x.take(np.array([0, 2, 2, 1]), 2),
    "in place": lambda x: _in_place(x),
    **layers.ACTIVATIONS,
    "sigmoid": layers.sigmoid,
    "hard_sigmoid": layers.hard_sigmoid,
    "avg_pool_2x2": layers.avg_pool_2x2,
    "max_pool_2x2": layers.max_pool_2x2,
    "resize_like": lambda x: layers.resize_like(x, np.zeros((1, 1, 7, 4))),
}


def test_the_gradient_of_silu_is_0_where_its_exponential_overflows() -> None:
    x = Variable(np.array([-1e30, -200, -89, -87, 0], np.float32))
    with np.errstate(over="ignore"):
        (found,) = gradients(layers.silu(x), [x], np.ones(5, np.float32))

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 0, 0, 0, 0.5], atol=1e-35)


def _in_place(x: Any) -> Any:
    total = np.zeros(x.shape)
    total += x * x
    return total


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_gradient_is_that_of_finite_differences(name: str) -> None:
    function, x = FUNCTIONS[name], normal(2, 4, 3, 5)
    output = function(Variable(x))
    cotangent = normal(*output.shape, seed=1)

    (found,) = gradients(output, [source := _source(output)], cotangent)

    assert np.array_equal(output.value, function(x))
    expected = np.zeros_like(source.value)
    for index in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][index] += STEP
        moved[1][index] -= STEP
        difference = function(moved[0]) - function(moved[1])
        expected[index] = (difference * cotangent).sum() / (2 * STEP)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def _source(output: Variable) -> Variable:
    """The variable that everything began with: the one that was made first."""
    seen = {output.number: output}
    pending = [output]
    while pending:
        for parent, _ in pending.pop().parents:
            seen[parent.number] = parent
            pending.append(parent)
    return seen[min(seen)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_step_moves_as_its_gradient_says(name: str) -> None:
    case = CASES[name]
    weights, x = tensors.make(case)
    weights, x = in_dtype(weights, np.float64), x.astype(np.float64)
    cotangent = output_cotangent(case.architecture, case.config, x, case.seed).astype(np.float64)
    step = _step(case, weights, x, cotangent)
    directions = {key: normal(*step["grads"][key].shape, seed=2) for key in step["grads"]}
    along_x = normal(*x.shape, seed=3)

    def loss(t: float) -> float:
        moved = {
            key: array + t * directions[key] if key in directions else array
            for key, array in weights.items()
        }
        return float((_step(case, moved, x + t * along_x, cotangent)["output"] * cotangent).sum())

    slope = (step["grad_input"] * along_x).sum()
    slope += sum((step["grads"][key] * directions[key]).sum() for key in directions)
    # Richardson's extrapolation of two central differences.
    first, second = ((loss(h) - loss(-h)) / (2 * h) for h in (1e-8, 2e-8))
    assert (4 * first - second) / 3 == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("case", ExactTier().cases()[::4], ids=lambda case: case.id)
def test_of_whole_numbers_a_gradient_is_exact(case: Case) -> None:
    case = replace(case, config={**case.config, "activation": "identity"})
    weights, x = tensors.make(case)
    module = weights_io.build(case.architecture, case.config, in_dtype(weights, np.float64))
    inputs = Variable(x.astype(np.float64))
    output = module(inputs)
    cotangent = np.round(normal(*output.shape))

    (found,) = gradients(output, [inputs], cotangent)

    # The layer is linear in its input: a difference of two outputs is the derivative itself.
    for index in [(0, 0, 0, 0), tuple(size - 1 for size in x.shape)]:
        moved = x.astype(np.float64)
        moved[index] += 1
        exact = ((module(moved) - output.value) * cotangent).sum()
        assert Fraction(float(found[index])) == Fraction(float(exact))


def test_the_gradient_through_batch_statistics_is_the_closed_form() -> None:
    x = np.array([-1.0, 1.0, -1.0, 1.0]).reshape(4, 1, 1, 1)
    norm = layers.batch_norm(1, eps=3.0, momentum=0.1)  # sqrt(1 + 3) = 2, without a rounding
    norm.training = True
    inputs = Variable(x)
    output = norm(inputs)

    for row in range(4):
        cotangent = np.zeros((4, 1, 1, 1))
        cotangent[row] = 1
        (found,) = gradients(output, [inputs], cotangent)
        expected = [
            Fraction(int(row == column), 2)
            - Fraction(1, 8)
            - Fraction(int(x[row, 0, 0, 0] * x[column, 0, 0, 0]), 4 * 8)
            for column in range(4)
        ]
        assert [Fraction(float(value)) for value in found.ravel()] == expected


def test_a_step_leaves_parameters_and_moves_statistics() -> None:
    case = CASES[SMALL[0]]
    weights, x = tensors.make(case)
    module = weights_io.build(case.architecture, case.config, weights)
    cotangent = output_cotangent(case.architecture, case.config, x, 0)

    step = train_step(module, x, cotangent)

    after = weights_io.FRAMEWORK.state(module)
    changed = {name for name, array in weights.items() if not np.array_equal(array, after[name])}
    assert changed == set(step["state"]) == {name for name in weights if "running" in name}
    assert all(np.array_equal(after[name], array) for name, array in step["state"].items())
    assert module.first_norm.training is False


def test_a_rough_run_is_near_and_another_every_time() -> None:
    x = normal(2, 3).astype(np.float32)
    runs = []
    for seed in (1, 1, 2):
        generator = np.random.Generator(np.random.PCG64(seed))
        runs.append((perturbed(x, generator) * x + x).value)

    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    np.testing.assert_allclose(runs[0], x * x + x, rtol=1e-6, atol=1e-6)
    assert runs[0].dtype == np.float32


def test_a_sum_in_float32_runs_from_the_first_term_to_the_last() -> None:
    x = np.array([1, *[2.0**-24] * 1000], np.float32).reshape(1, 1001, 1)

    # Each term is half an ulp of what stands there already: one by one, they change nothing.
    assert summed(x, (0, 1)).tolist() == [[[1.0]]]
    assert summed(x.astype(np.float64), None).item() == 1 + 1000 * 2.0**-24


def test_the_gradients_of_a_product_in_float32_are_such_sums_too() -> None:
    terms = np.full((20001, 8), 2.0**-24, np.float32)
    terms[0] = 1
    ones = np.ones((20001, 18), np.float32)

    # BLAS adds up blocks of terms, which do change the one where both matrices are large.
    of_first, _ = UFUNCS[np.matmul](None, np.ones((8, 18), np.float32), ones.T)
    _, of_second = UFUNCS[np.matmul](None, ones, np.ones((18, 8), np.float32))

    assert (of_first(terms.T) == 1).all()
    assert (of_second(terms) == 1).all()


@pytest.mark.parametrize(
    "use",
    [
        lambda x: np.sin(x),
        lambda x: np.where(x.value > 0, x, 0),
        lambda x: np.add.reduce(x),
        lambda x: np.floor(x),
    ],
)
def test_an_operation_without_a_derivative_is_refused(use: Callable[[Variable], Any]) -> None:
    with pytest.raises(TypeError):
        use(Variable(normal(3)))


def test_flat_names_are_those_of_the_parts() -> None:
    case = CASES[SMALL[0]]
    weights, x = tensors.make(case)
    step = _step(case, weights, x, output_cotangent(case.architecture, case.config, x, 0))

    assert next(iter(flatten_step(step))) == "output"
    assert len(flatten_step(step)) == 2 + len(step["grads"]) + len(step["state"])


def _step(case: Case, weights: dict[str, np.ndarray], x: np.ndarray, cotangent: np.ndarray) -> Any:
    return train_step(weights_io.build(case.architecture, case.config, weights), x, cotangent)
