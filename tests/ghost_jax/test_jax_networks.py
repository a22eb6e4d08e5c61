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
from ghost_jax.layers import rematerialised
from weights import ArgumentError, configure

SMALL = {"width": 0.1, "num_classes": 4}
pytestmark = pytest.mark.slow  # XLA compiles a network for many seconds

call = nnx.jit(lambda module, x: module(x))


def images(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def network(name: str, **own: Any) -> Any:
    """A network with weights and statistics that are none of the defaults."""
    generator = np.random.default_rng(1)
    config = (SMALL if name.startswith("ghostnet") else {}) | own
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


BLOCK = {"c_in": 6, "c_mid": 20, "c_out": 10, "stride": 2, "se_ratio": 0.25, "branches": 2,
         "attention": True}  # fmt: skip


def test_jit_computes_what_eager_mode_does() -> None:
    block, x = network("ghost_bottleneck", **BLOCK), images(1, 11, 14, 6)

    np.testing.assert_allclose(call(block, x), block(x), rtol=1e-3, atol=1e-4)


def test_vmap_over_a_stack_of_images_is_a_batch() -> None:
    block, x = network("ghost_bottleneck", **BLOCK), images(2, 11, 14, 6)

    stacked = nnx.jit(lambda block, x: nnx.vmap(block, in_axes=0)(x[:, None])[:, 0])(block, x)

    np.testing.assert_allclose(stacked, call(block, x), rtol=1e-3, atol=1e-4)


@pytest.mark.matrix
def test_a_rematerialised_block_has_the_same_gradients_and_statistics() -> None:
    x, found = images(2, 11, 14, 6), []
    for run in (lambda block, x: block(x), rematerialised):
        block = network("ghost_bottleneck", c_in=6, c_mid=20, c_out=10, stride=2, se_ratio=0.25)
        block.train()
        step = nnx.jit(nnx.grad(lambda block, x, run=run: jnp.square(run(block, x)).sum()))
        found.append((jax.tree.leaves(step(block, x)), ghost_jax.state(block)))

    (plain, state), (again, other) = found
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(jnp.abs(a).max() + 1))
    for key in state:
        np.testing.assert_allclose(state[key], other[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("remat", [False, True])
def test_a_network_rematerialises_its_blocks_where_it_is_asked_to(remat: bool) -> None:
    module = network("ghostnet", dropout=0.0)
    module.remat = remat
    module.train()
    graph, state = nnx.split(module)
    leaves, tree = jax.tree.flatten(state)

    def forward(leaves: list[Any], x: jax.Array) -> jax.Array:
        return nnx.merge(graph, jax.tree.unflatten(tree, leaves))(x)

    program = str(jax.make_jaxpr(forward)(leaves, images(2, 33, 33, 3)))

    # The weight gradients of depthwise convolutions have checkpoints of their own.
    assert ("remat2" in program or "checkpoint" in program) == remat


def test_dropout_of_a_module_from_a_file_draws_random_numbers() -> None:
    module = network("ghostnet", dropout=0.5)
    module.dropout.train()
    x = jnp.ones((4, 64))

    assert not np.array_equal(module.dropout(x), module.dropout(x))
    module.eval()
    np.testing.assert_array_equal(module.dropout(x), x)


def test_a_pickle_computes_the_same() -> None:
    block, x = network("ghost_bottleneck", **BLOCK), images(1, 11, 14, 6)

    again = pickle.loads(pickle.dumps(block))

    np.testing.assert_array_equal(call(again, x), call(block, x))


def test_features_are_the_five_maps_of_halved_sizes() -> None:
    module = network("ghostnetv3")
    features = nnx.eval_shape(lambda module, x: module.features(x), module, images(1, 64, 64, 3))

    assert sorted(x.shape[1] for x in features.values()) == [2, 4, 8, 16, 32]


def test_the_smallest_input_is_33() -> None:
    with pytest.raises(ArgumentError, match=r"at least 33 x 33 \(height x width\), got 33 x 32"):
        network("ghostnetv2")(images(1, 33, 32, 3))


@pytest.mark.matrix
def test_half_precision_computes_with_parameters_of_single() -> None:
    block = ghost_jax.GhostBottleneck(
        8, 16, 12, stride=2, se_ratio=0.25, branches=2, dtype=jnp.bfloat16, rngs=nnx.Rngs(0)
    )
    block.eval()

    assert block(images(1, 8, 8, 8).astype(jnp.bfloat16)).dtype == jnp.bfloat16
    assert {array.dtype.name for array in ghost_jax.state(block).values()} == {"float32"}
