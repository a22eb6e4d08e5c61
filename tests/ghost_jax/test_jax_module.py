"""`ghost_jax` layers behave as Flax NNX's own: types, splitting, state, transformations."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from weights import ACTIVATIONS, ArgumentError

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "padding": 1}
TENSORS = tensors_of("ghost_conv", **LAYER)
X = normal(2, 6, 5, 3)
X64_TEXT = (
    "must be enabled in JAX, got float64: set the environment variable JAX_ENABLE_X64=1, or call "
    "jax.config.update('jax_enable_x64', True) first"
)

call = nnx.jit(lambda layer, x: layer(x))


@pytest.fixture
def layer() -> Any:
    """A layer with random tensors, in inference."""
    made = ghost_jax.weights_io.build("ghost_conv", LAYER, TENSORS)
    made.eval()
    return made


def dtypes(layer: Any) -> set[str]:
    """The types of all variables."""
    return {leaf.dtype.name for leaf in jax.tree.leaves(nnx.state(layer))}


def test_the_same_random_stream_draws_the_same_layer() -> None:
    first, second = (ghost_jax.GhostConv(**LAYER, rngs=nnx.Rngs(7)) for _ in range(2))

    assert_same_state(ghost_jax.state(first), ghost_jax.state(second))


def test_one_random_stream_draws_different_layers() -> None:
    rngs = nnx.Rngs(7)

    first, second = (ghost_jax.state(ghost_jax.GhostConv(**LAYER, rngs=rngs)) for _ in range(2))

    assert (first["primary_conv.0.weight"] != second["primary_conv.0.weight"]).any()


def test_a_layer_needs_a_random_stream() -> None:
    with pytest.raises(TypeError, match="rngs"):
        ghost_jax.GhostConv(**LAYER)


@pytest.mark.slow
def test_bfloat16_computes_with_float32_parameters() -> None:
    half, full = (
        nnx.eval_shape(
            lambda dtype=dtype: ghost_jax.GhostConv(**LAYER, dtype=dtype, rngs=nnx.Rngs(0))
        )
        for dtype in (jnp.bfloat16, None)
    )
    for made in (half, full):
        ghost_jax.set_state(made, TENSORS)
        made.eval()

    output = call(half, X)

    assert (output.dtype, dtypes(half)) == (jnp.bfloat16, {"float32"})
    np.testing.assert_allclose(output.astype(np.float32), call(full, X), rtol=0.1, atol=0.1)


@pytest.mark.slow
def test_bfloat16_parameters_keep_their_type_in_training() -> None:
    halves = {name: array.astype(jnp.bfloat16) for name, array in TENSORS.items()}
    layer = ghost_jax.weights_io.build("ghost_conv", LAYER, halves)

    output = call(layer, X.astype(jnp.bfloat16))

    assert (output.dtype, dtypes(layer)) == (jnp.bfloat16, {"bfloat16"})


@pytest.mark.parametrize("argument", ["dtype", "param_dtype"])
@pytest.mark.parametrize("kind", [ghost_jax.GhostConv, ghost_jax.GhostResNet20])
def test_float64_is_refused_where_jax_would_narrow_it(kind: Any, argument: str) -> None:
    with pytest.raises(ArgumentError) as error:
        kind(3, 8, **{argument: jnp.float64}, rngs=nnx.Rngs(0))

    assert str(error.value) == f"`{argument}` {X64_TEXT}"


def test_float64_tensors_are_refused_where_jax_would_narrow_them() -> None:
    wide = {name: array.astype(np.float64) for name, array in TENSORS.items()}

    with pytest.raises(ArgumentError) as error:
        ghost_jax.weights_io.build("ghost_conv", LAYER, wide)

    assert str(error.value) == f"`param_dtype` {X64_TEXT}"


def test_train_and_eval_choose_the_statistics(layer: Any) -> None:
    layer.train()
    call(layer, X)
    trained = ghost_jax.state(layer)
    layer.eval()
    call(layer, X)

    assert (trained["primary_conv.1.running_mean"] != TENSORS["primary_conv.1.running_mean"]).all()
    assert_same_state(ghost_jax.state(layer), trained)


def test_splitting_and_merging_gives_the_same_layer(layer: Any) -> None:
    graph, parameters, statistics = nnx.split(layer, nnx.Param, nnx.BatchStat)

    merged = nnx.merge(graph, parameters, statistics)

    assert (merged.config, len(jax.tree.leaves(parameters))) == (layer.config, 6)
    assert_same_state(ghost_jax.state(merged), TENSORS)


def test_parameters_and_statistics_are_told_apart_by_their_kind(layer: Any) -> None:
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(nnx.state(layer, kind)))
        for kind in (nnx.Param, nnx.BatchStat)
    ]

    assert counts == [2 * 3 * 9 + 2 * 2 + 4 * 9 + 2 * 4, 2 * 2 + 2 * 4]


def pickled(layer: Any) -> Any:
    """The layer through a pickle."""
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_of_any_activation_pickles(activation: str) -> None:
    layer = ghost_jax.GhostConv(3, 5, activation=activation, rngs=nnx.Rngs(0))
    assert_same_state(ghost_jax.state(pickled(layer)), ghost_jax.state(layer))
    assert pickled(layer).config == layer.config


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, nnx.clone, pickled], ids=["deepcopy", "clone", "pickle"]
)
def test_a_copy_is_equal_and_independent(layer: Any, duplicate: Any) -> None:
    twin = duplicate(layer)

    assert_same_state(ghost_jax.state(twin), TENSORS)
    ghost_jax.set_state(twin, tensors_of("ghost_conv", seed=1, **LAYER))
    assert_same_state(ghost_jax.state(layer), TENSORS)


def test_an_abstract_layer_tells_its_output_shape() -> None:
    layer = nnx.eval_shape(lambda: ghost_jax.GhostConv(**LAYER, rngs=nnx.Rngs(0)))

    output = nnx.eval_shape(lambda layer: layer(jnp.zeros(X.shape)), layer)

    assert (output.shape, output.dtype) == ((2, 6, 5, 5), jnp.float32)


def test_an_abstract_layer_gives_no_state_and_takes_one() -> None:
    layer = nnx.eval_shape(lambda: ghost_jax.GhostConv(**LAYER, rngs=nnx.Rngs(0)))

    with pytest.raises(ArgumentError, match=r"^`module` must hold values, got an abstract one"):
        ghost_jax.state(layer)

    ghost_jax.set_state(layer, TENSORS)
    assert_same_state(ghost_jax.state(layer), TENSORS)


def test_a_wrapper_is_refused_and_its_layer_kept(layer: Any) -> None:
    with pytest.raises(ArgumentError, match="pass the module itself, not a wrapper"):
        ghost_jax.set_state(nnx.Sequential(layer), tensors_of("ghost_conv", seed=1, **LAYER))

    assert_same_state(ghost_jax.state(layer), TENSORS)
