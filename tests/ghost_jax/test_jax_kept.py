"""What `deploy` and `reset_classifier` keep of a module: types, mode, place, random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.columns import tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import ghost_jax

pytestmark = pytest.mark.slow

NETWORK: dict[str, Any] = {"num_classes": 3, "width": 0.1}
V3 = {"c_in": 4, "c_out": 6, "kernel_size": 3}
LAYERS = (nnx.Conv, nnx.BatchNorm, nnx.Linear)
in_both_ways = pytest.mark.parametrize(
    "change",
    [ghost_jax.deploy, lambda module: ghost_jax.reset_classifier(module, 5)],
    ids=["deploy", "reset_classifier"],
)


def network(dtype: Any = np.float32) -> Any:
    """A small network with random tensors."""
    tensors = {name: t.astype(dtype) for name, t in tensors_of("ghostnet", **NETWORK).items()}
    return ghost_jax.weights_io.build("ghostnet", NETWORK, tensors)


def layers(module: Any) -> list[Any]:
    """The layers that compute."""
    return [each for _, each in nnx.iter_modules(module) if isinstance(each, LAYERS)]


@in_both_ways
def test_the_type_of_parameters_and_that_of_arithmetic_are_kept(change: Callable[..., Any]) -> None:
    module = network(jnp.bfloat16)
    for each in layers(module):
        each.dtype = jnp.float16

    made = change(module)

    types = {leaf.dtype.name for leaf in jax.tree.leaves(nnx.state(made, nnx.Param))}
    assert (types, {each.dtype for each in layers(made)}) == ({"bfloat16"}, {jnp.float16})


@pytest.mark.parametrize("training", [True, False])
def test_a_new_classifier_leaves_the_mode(training: bool) -> None:
    module = network()
    module.train() if training else module.eval()

    made = ghost_jax.reset_classifier(module, 5)

    assert made.dropout.deterministic is not training
    assert {e.use_running_average for e in layers(made) if isinstance(e, nnx.BatchNorm)} == {
        not training
    }


def test_a_new_classifier_leaves_a_partial_mode() -> None:
    module = network()
    module.blocks.eval()

    made = ghost_jax.reset_classifier(module, 5)

    assert not made.bn1.use_running_average and not made.bn_head.use_running_average
    assert all(e.use_running_average for e in layers(made.blocks) if isinstance(e, nnx.BatchNorm))


@in_both_ways
def test_the_options_of_layers_are_kept(change: Callable[..., Any]) -> None:
    module = network()
    module.remat = True
    for each in layers(module):
        each.axis_name = "batch"
        each.precision = "highest"

    made = change(module)

    assert made.remat
    assert {each.precision for each in layers(made) if hasattr(each, "precision")} == {"highest"}
    assert {each.axis_name for each in layers(made) if isinstance(each, nnx.BatchNorm)} <= {"batch"}


@in_both_ways
def test_every_variable_is_where_the_module_is(change: Callable[..., Any]) -> None:
    module = network()
    mesh = Mesh(np.array(jax.devices()[:1]), ("model",))
    split = NamedSharding(mesh, PartitionSpec("model"))
    nnx.update(module, jax.device_put(nnx.state(module, (nnx.Param, nnx.BatchStat)), split))

    made = change(module)

    shardings = {leaf.sharding for leaf in jax.tree.leaves(nnx.state(made, nnx.Param))}
    assert {each.mesh for each in shardings} == {mesh}
    assert made.conv_stem.kernel.get_value().sharding == split


def test_a_kind_of_variable_and_its_notes_are_kept() -> None:
    class Frozen(nnx.Param):
        """A parameter that an optimiser is told to leave."""

    module = network()
    module.conv_stem.kernel = Frozen(module.conv_stem.kernel.get_value(), note="kept")

    made = ghost_jax.reset_classifier(module, 5)

    assert isinstance(made.conv_stem.kernel, Frozen)
    assert made.conv_stem.kernel.get_metadata("note") == "kept"


def test_the_random_numbers_of_dropout_go_on_and_are_not_shared() -> None:
    module = network()
    module.dropout = nnx.Dropout(0.2, rngs=nnx.Rngs(7))
    module.dropout(jnp.ones(3))

    made = ghost_jax.reset_classifier(module, 5)

    assert int(made.dropout.rngs.count.get_value()) == 1
    assert (made.dropout(jnp.ones(64)) == module.dropout(jnp.ones(64))).all()


def test_a_merged_layer_is_treated_as_the_branches_were() -> None:
    layer = ghost_jax.weights_io.build("ghost_conv_v3", V3, tensors_of("ghost_conv_v3", **V3))
    for each in layers(layer):
        each.dtype = jnp.bfloat16

    made = ghost_jax.deploy(layer, "deployed")

    assert {each.dtype for each in layers(made)} == {jnp.bfloat16}
