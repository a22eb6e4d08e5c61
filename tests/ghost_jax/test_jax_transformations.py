"""Transformations of JAX and NNX, and what they compile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from weights import write_file

pytestmark = pytest.mark.slow

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "padding": 1}
X = normal(2, 6, 5, 3)


def loaded(seed: int = 0) -> Any:
    """A layer with random tensors, in inference."""
    layer = ghost_jax.weights_io.build(
        "ghost_conv", LAYER, tensors_of("ghost_conv", seed=seed, **LAYER)
    )
    layer.eval()
    return layer


@contextmanager
def compilations() -> Iterator[list[str]]:
    """The programs compiled inside the block, by the name of the event that JAX reports."""
    events: list[str] = []

    def listen(event: str, duration: float, **details: Any) -> None:
        if event.endswith("backend_compile_duration"):
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_jit_gives_what_eager_mode_gives() -> None:
    layer = loaded()

    output = nnx.jit(lambda layer, x: layer(x))(layer, X)

    np.testing.assert_allclose(output, layer(jnp.asarray(X)), rtol=1e-5, atol=1e-5)


def test_jit_stores_the_statistics_of_a_training_step() -> None:
    eager, compiled = loaded(), loaded()
    for layer in (eager, compiled):
        layer.train()
    eager(jnp.asarray(X))

    nnx.jit(lambda layer, x: layer(x))(compiled, X)

    wanted = ghost_jax.state(eager)
    for name, array in ghost_jax.state(compiled).items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_vmap_is_a_loop_over_a_stack_of_inputs() -> None:
    layer, stack = loaded(), normal(3, 2, 6, 5, 3)
    one = nnx.jit(lambda layer, x: layer(x))

    outputs = nnx.jit(nnx.vmap(lambda layer, x: layer(x), in_axes=(None, 0)))(layer, stack)

    looped = np.stack([one(layer, x) for x in stack])
    np.testing.assert_allclose(outputs, looped, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_parameters_alone() -> None:
    layer = loaded()
    layer.train()

    value, gradients = nnx.jit(nnx.value_and_grad(lambda layer: jnp.square(layer(X)).sum()))(layer)

    shapes = jax.tree.map(jnp.shape, nnx.state(layer, nnx.Param))
    assert jax.tree.map(jnp.shape, gradients) == shapes
    assert value > 0
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def test_a_gradient_agrees_with_a_finite_difference() -> None:
    layer, direction = loaded(), normal(*X.shape, seed=1)

    def loss(step: Any) -> Any:
        return jnp.square(layer(X + step * direction)).sum()

    slope = jax.jit(jax.grad(loss))(0.0)

    below, above = (jax.jit(loss)(step) for step in (-1e-3, 1e-3))
    assert float(slope) == pytest.approx(float((above - below) / 2e-3), rel=1e-2)


def test_second_derivatives_are_finite() -> None:
    layer = loaded()
    layer.train()
    graph, state = nnx.split(layer)

    def loss(x: Any) -> Any:
        return jnp.square(nnx.merge(graph, state, copy=True)(x)).sum()

    curvature = jax.jit(jax.grad(lambda x: jnp.square(jax.grad(loss)(x)).sum()))(X)

    assert bool(jnp.isfinite(curvature).all())
    assert float(jnp.abs(curvature).max()) > 0


def test_layers_of_one_configuration_share_one_compilation() -> None:
    call = nnx.jit(lambda layer, x: layer(x))
    first, second = loaded(), loaded(seed=1)

    with compilations() as once:
        call(first, X)
    with compilations() as again:
        call(second, X)

    assert (len(once), again) == (1, [])


def test_loading_compiles_nothing(tmp_path: Path) -> None:
    # Shapes that no other test has, which would have compiled them already.
    config = {"c_in": 11, "c_out": 13}
    tensors = tensors_of("ghost_conv", **config)
    write_file(tmp_path / "layer.safetensors", "ghost_conv", config, tensors)

    with compilations() as events:
        built = ghost_jax.from_file(tmp_path / "layer.safetensors")
        ghost_jax.load_weights(built, tmp_path / "layer.safetensors")
        state = ghost_jax.state(built)

    assert events == []
    assert_same_state(state, tensors)


def test_a_layer_survives_rematerialisation() -> None:
    layer = loaded()

    output = nnx.jit(nnx.remat(lambda layer, x: layer(x)))(layer, X)

    np.testing.assert_allclose(output, nnx.jit(lambda layer, x: layer(x))(layer, X), rtol=1e-6)
