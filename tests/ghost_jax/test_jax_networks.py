"""The networks as Flax users handle them: jit, grad, vmap, rematerialisation, pickles."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from weights import ArgumentError, configure

SMALL = {"width": 0.1, "num_classes": 4}
pytestmark = pytest.mark.slow  # XLA compiles a network for many seconds

call = nnx.jit(lambda module, x: module(x))


def images(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def network(name: str, **own: Any) -> Any:
    """A network with weights and statistics that are none of the defaults."""
    generator = np.random.default_rng(1)
    config = SMALL | own
    tensors = {}
    for spec in configure(name, config).tensors():
        noise = generator.normal(0, 1, spec.shape)
        scale = np.sqrt(np.prod(spec.shape[1:])) if len(spec.shape) > 1 else 3
        positive = spec.kind in ("running_var", "norm_weight")
        tensors[spec.name] = (np.exp(noise / 3) if positive else noise / scale).astype(np.float32)
    built = ghost_jax.weights_io.build(name, config, tensors)
    built.eval()
    return built


def loss(module: Any, x: jax.Array) -> jax.Array:
    return jnp.square(module(x)).sum()


def test_jit_computes_what_eager_mode_does() -> None:
    module, x = network("ghostnetv3"), images(1, 33, 40, 3)

    np.testing.assert_allclose(call(module, x), module(x), rtol=1e-3, atol=1e-4)


def test_vmap_over_a_stack_of_images_is_a_batch() -> None:
    module, x = network("ghostnetv2"), images(2, 33, 33, 3)

    stacked = nnx.jit(lambda module, x: nnx.vmap(module, in_axes=0)(x[:, None])[:, 0])(module, x)

    np.testing.assert_allclose(stacked, call(module, x), rtol=1e-3, atol=1e-4)


def gradients_and_statistics(module: Any, x: jax.Array) -> tuple[list[Any], dict[str, Any]]:
    """What a step finds; compiled without optimisation, which takes a third of the time."""
    graph, state = nnx.split(module)
    leaves, tree = jax.tree.flatten(state)

    def step(leaves: list[Any], x: jax.Array) -> tuple[Any, Any]:
        module = nnx.merge(graph, jax.tree.unflatten(tree, leaves))
        grads = nnx.grad(loss)(module, x)
        return grads, nnx.state(module)

    options = {"xla_backend_optimization_level": 0}
    grads, after = jax.jit(step, compiler_options=options)(leaves, x)
    nnx.update(module, after)
    return jax.tree.leaves(grads), ghost_jax.state(module)


def test_rematerialisation_gives_the_same_gradients_and_statistics() -> None:
    x = images(2, 33, 33, 3)
    found = []
    for remat in (False, True):
        module = network("ghostnet", dropout=0.0)
        module.remat = remat
        module.train()
        found.append(gradients_and_statistics(module, x))

    (plain, state), (again, other) = found
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(jnp.abs(a).max() + 1))
    for key in state:
        np.testing.assert_allclose(state[key], other[key], rtol=1e-4, atol=1e-5)


def test_dropout_of_a_module_from_a_file_draws_random_numbers() -> None:
    module = network("ghostnet", dropout=0.5)
    module.dropout.train()
    x = jnp.ones((4, 64))

    assert not np.array_equal(module.dropout(x), module.dropout(x))
    module.eval()
    np.testing.assert_array_equal(module.dropout(x), x)


def test_a_pickle_computes_the_same() -> None:
    module, x = network("ghostnetv3"), images(1, 33, 33, 3)

    again = pickle.loads(pickle.dumps(module))

    np.testing.assert_array_equal(call(again, x), call(module, x))


def test_features_are_the_five_maps_of_halved_sizes() -> None:
    module = network("ghostnetv3")
    features = nnx.eval_shape(lambda module, x: module.features(x), module, images(1, 64, 64, 3))

    assert sorted(x.shape[1] for x in features.values()) == [2, 4, 8, 16, 32]


def test_the_smallest_input_is_33() -> None:
    with pytest.raises(ArgumentError, match=r"at least 33 x 33 \(height x width\), got 33 x 32"):
        network("ghostnetv2")(images(1, 33, 32, 3))


def test_a_deployed_network_computes_the_same_and_refuses_training() -> None:
    module, x = network("ghostnetv3"), images(2, 33, 40, 3)
    deployed = ghost_jax.deploy(module)

    np.testing.assert_allclose(call(deployed, x), call(module, x), rtol=1e-3, atol=1e-3)
    deployed.train()
    with pytest.raises(ArgumentError, match="a module in form 'folded' cannot train"):
        deployed(x)


def test_half_precision_computes_with_parameters_of_single() -> None:
    block = ghost_jax.GhostBottleneck(
        8, 16, 12, stride=2, se_ratio=0.25, branches=2, dtype=jnp.bfloat16, rngs=nnx.Rngs(0)
    )
    block.eval()

    assert block(images(1, 8, 8, 8).astype(jnp.bfloat16)).dtype == jnp.bfloat16
    assert {array.dtype.name for array in ghost_jax.state(block).values()} == {"float32"}
