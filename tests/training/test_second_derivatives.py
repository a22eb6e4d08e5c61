"""The gradient of a gradient is finite: what penalties on gradients and curvature need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.cases.family import family_cases
from conformance.cases.tensors import make

pytestmark = pytest.mark.slow
NAMES = ("ghost_conv_v3-attention", "ghost_bottleneck-stride-2-se")
CASES = [case for case in family_cases("family") if case.id in NAMES]


def torch_curvature(case: Case) -> np.ndarray:
    torch = pytest.importorskip("torch")
    from ghost_torch.adapter import build

    weights, x = make(case)
    module = build(case.architecture, case.config, weights).module.train()
    given = torch.from_numpy(x).requires_grad_()
    (slope,) = torch.autograd.grad(module(given).square().sum(), given, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), given)[0].numpy()


def jax_curvature(case: Case) -> np.ndarray:
    jax = pytest.importorskip("jax")
    from flax import nnx

    from ghost_jax.adapter import build

    weights, x = make(case)
    module = build(case.architecture, case.config, weights).module
    module.train()
    graph, state = nnx.split(module)
    leaves, tree = jax.tree.flatten(state)

    def total(x: Any) -> Any:
        # Variables of this trace: running statistics move in it.
        return (nnx.merge(graph, jax.tree.unflatten(tree, leaves))(x) ** 2).sum()

    def slope(x: Any) -> Any:
        return jax.grad(total)(x)

    curvature = jax.jit(jax.grad(lambda x: (slope(x) ** 2).sum()))
    return np.asarray(curvature(x.transpose(0, 2, 3, 1)))


def keras_curvature(case: Case) -> np.ndarray:
    tf = pytest.importorskip("tensorflow")
    from ghost_tf.adapter import build

    weights, x = make(case)
    module = build(case.architecture, case.config, weights).module
    given = tf.constant(x.transpose(0, 2, 3, 1))
    with tf.GradientTape() as outer:
        outer.watch(given)
        with tf.GradientTape() as inner:
            inner.watch(given)
            total = tf.reduce_sum(module(given, training=True) ** 2)
        slope = tf.reduce_sum(inner.gradient(total, given) ** 2)
    return outer.gradient(slope, given).numpy()


@pytest.mark.parametrize(
    "curvature",
    [
        torch_curvature,
        pytest.param(jax_curvature, marks=pytest.mark.matrix),  # XLA compiles for long
        keras_curvature,
    ],
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_gradient_of_a_gradient_is_finite(
    case: Case, curvature: Callable[[Case], np.ndarray]
) -> None:
    found = curvature(case)

    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0


def test_every_case_is_there() -> None:
    assert {case.id for case in CASES} == set(NAMES)
