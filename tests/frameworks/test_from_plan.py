"""Modules made of a checked plan are those that the constructor makes of arguments."""

from __future__ import annotations

import copy
import importlib
import pickle
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, Column, assert_same_state, in_every_column, normal
from weights import configure
from weights.modules.configuration import Configuration

TORCH, JAX, KERAS = COLUMNS
# Class, architecture, arguments.
LAYERS = [
    ("GhostConv", "ghost_conv", {"c_in": 4, "c_out": 7, "kernel_size": 3, "padding": 1}),
    ("GhostConvV2", "ghost_conv_v2", {"c_in": 4, "c_out": 6}),
    ("GhostConvV3", "ghost_conv_v3", {"c_in": 4, "c_out": 6, "attention": True}),
    ("SqueezeExcite", "squeeze_excite", {"channels": 4}),
]
in_every_layer = pytest.mark.parametrize(
    ("kind", "architecture", "arguments"), LAYERS, ids=[kind for kind, *_ in LAYERS]
)


def made_of_plan(column: Column, kind: str, architecture: str, arguments: dict[str, Any]) -> Any:
    """A layer of a plan, drawn from the seed 0."""
    plan, kind_of_layer = configure(architecture, arguments), getattr(column.package, kind)
    room = "saving" if column.name == "ghost_tf" else "framework"
    from_plan = importlib.import_module(f"{column.name}.{room}.planned").from_plan
    if column.name == "ghost_torch":
        importlib.import_module("torch").manual_seed(0)
        return from_plan(kind_of_layer, plan, device=None, dtype=None)
    if column.name == "ghost_jax":
        nnx = importlib.import_module("flax.nnx")
        axes = {"axis_name": None, "axis_index_groups": None}
        types = {"dtype": None, "param_dtype": np.float32}
        return from_plan(kind_of_layer, plan, rngs=nnx.Rngs(0), **types, **axes)
    importlib.import_module("keras").utils.set_random_seed(0)
    return from_plan(kind_of_layer, plan, data_format="channels_last", dtype=None)


@pytest.mark.slow
@in_every_column
@in_every_layer
def test_a_layer_of_a_plan_is_that_of_the_arguments(
    column: Column, kind: str, architecture: str, arguments: dict[str, Any]
) -> None:
    layer, x = made_of_plan(column, kind, architecture, arguments), normal(2, 4, 6, 5)
    output = column.run(layer, x)  # Keras draws weights now
    wanted = column.make(kind, **arguments)

    assert type(layer) is type(wanted)
    assert layer.config == wanted.config
    np.testing.assert_array_equal(output, column.run(wanted, x))
    assert_same_state(column.package.state(layer), column.package.state(wanted))


@pytest.mark.slow
@pytest.mark.parametrize("column", [TORCH, JAX], ids=str)
@in_every_layer
def test_a_layer_of_a_plan_can_be_copied_and_pickled(
    column: Column, kind: str, architecture: str, arguments: dict[str, Any]
) -> None:
    layer, x = made_of_plan(column, kind, architecture, arguments), normal(2, 4, 6, 5)
    wanted = column.run(layer, x)

    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(column.run(again, x), wanted)


@in_every_layer
def test_flax_sees_no_difference(kind: str, architecture: str, arguments: dict[str, Any]) -> None:
    nnx = pytest.importorskip("flax.nnx")
    layer = made_of_plan(JAX, kind, architecture, arguments)

    assert nnx.graphdef(layer) == nnx.graphdef(JAX.make(kind, **arguments))


@pytest.mark.slow
@in_every_layer
def test_keras_sees_no_difference(kind: str, architecture: str, arguments: dict[str, Any]) -> None:
    layer, wanted = (
        made_of_plan(KERAS, kind, architecture, arguments),
        KERAS.make(kind, **arguments),
    )
    layer.name = wanted.name
    for each in (layer, wanted):
        KERAS.run(each, normal(2, 4, 6, 5))

    assert layer.get_config() == wanted.get_config()
    paths = [variable.path for variable in layer.variables]
    assert paths == [variable.path for variable in wanted.variables]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """Every configuration that is built from now on."""
    configurations: list[Configuration] = []
    check = Configuration.__post_init__

    def counted(self: Configuration) -> None:
        configurations.append(self)
        check(self)

    monkeypatch.setattr(Configuration, "__post_init__", counted)
    return configurations


MODULES = [
    ("GhostNet", "ghostnet", {"width": 0.1}),
    pytest.param("GhostNetV3", "ghostnetv3", {"width": 0.1}, marks=pytest.mark.slow),
    ("GhostResNet20", "ghost_resnet20", {}),
    ("GhostVGG16", "ghost_vgg16", {"ratio": 8}),
    ("C3Ghost", "c3_ghost", {"c1": 8, "c2": 8, "n": 2}),
]


def make_empty(column: Column, kind: str, arguments: dict[str, Any]) -> None:
    """Make a network; in JAX without its values, which would take a minute."""
    if column is not JAX:
        column.make(kind, **arguments)
        return
    prototypes = importlib.import_module("ghost_jax.framework.prototypes")
    getattr(column.package, kind)(**arguments, rngs=prototypes.AbstractRngs())


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize(("kind", "architecture", "arguments"), MODULES)
def test_a_network_builds_each_configuration_once(
    column: Column, kind: str, architecture: str, arguments: dict[str, Any], built: list[Any]
) -> None:
    configure(architecture, arguments)
    plans = list(built)
    built.clear()
    make_empty(column, kind, arguments)

    assert built == plans
