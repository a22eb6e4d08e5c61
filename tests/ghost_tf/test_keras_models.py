"""Keras models with the layer inside: functional, sequential, saved, and the five calls on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("keras")

import keras
import tensorflow as tf

import ghost_tf
from weights import ArgumentError

# Keras' own: it copies its variables in a way that NumPy 2 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "padding": 1}
TENSORS = tensors_of("ghost_conv", **LAYER)
X = normal(2, 9, 8, 3)


def functional(**options: Any) -> Any:
    """A functional model, its image sizes unknown."""
    layer = ghost_tf.GhostConv(**LAYER, **options)
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(layer(inputs))
    ghost_tf.set_state(layer, TENSORS)
    return keras.Model(inputs, outputs)


def sequential() -> Any:
    """A sequential model, built by its first input."""
    model = keras.Sequential([ghost_tf.GhostConv(**LAYER), keras.layers.Flatten()])
    model(X)
    ghost_tf.set_state(model.layers[0], TENSORS)
    return model


def network() -> Any:
    """A network with random tensors."""
    return ghost_tf.weights_io.build("ghost_resnet20", {}, tensors_of("ghost_resnet20"))


def test_a_functional_model_gives_what_the_layer_gives() -> None:
    layer = ghost_tf.GhostConv(**LAYER)
    ghost_tf.set_state(layer, TENSORS)

    output = functional()(X)

    np.testing.assert_allclose(output, layer(X).numpy().mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [functional, sequential, pytest.param(network)])
def test_a_saved_model_gives_identical_outputs(make: Any, tmp_path: Path) -> None:
    model = make()
    model.save(tmp_path / "model.keras")

    twin = keras.models.load_model(tmp_path / "model.keras")

    assert twin(X).numpy().tobytes() == model(X).numpy().tobytes()


def test_a_saved_model_keeps_policy_and_arguments(tmp_path: Path) -> None:
    functional(dtype="mixed_bfloat16", name="ghost").save(tmp_path / "model.keras")

    layer = keras.models.load_model(tmp_path / "model.keras").get_layer("ghost")

    assert (layer.dtype_policy.name, layer.config) == (
        "mixed_bfloat16",
        ghost_tf.GhostConv(**LAYER).config,
    )
    assert_same_state(ghost_tf.state(layer), TENSORS)


def test_a_cloned_model_has_the_same_layer() -> None:
    twin = keras.models.clone_model(sequential())

    assert twin.layers[0].config == ghost_tf.GhostConv(**LAYER).config


def test_an_exported_model_gives_identical_outputs(tmp_path: Path) -> None:
    model = functional()
    model.export(tmp_path / "exported", verbose=False)

    served = tf.saved_model.load(tmp_path / "exported")

    np.testing.assert_allclose(served.serve(X), model(X), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("call", ["state", "set_state", "save_weights", "load_weights"])
def test_every_call_builds_a_layer_that_is_not_built(call: str, tmp_path: Path) -> None:
    path = tmp_path / "layer.safetensors"
    ghost_tf.save_weights(ghost_tf.GhostConv(**LAYER), path)
    arguments = {
        "state": (),
        "set_state": (TENSORS,),
        "save_weights": (tmp_path / "other.safetensors",),
        "load_weights": (path,),
    }
    layer = ghost_tf.GhostConv(**LAYER)

    getattr(ghost_tf, call)(layer, *arguments[call])

    assert layer.built
    assert layer(X).shape == (2, 9, 8, 5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_an_unbuilt_network_takes_a_state_in_both_formats(data_format: str) -> None:
    tensors = tensors_of("ghost_resnet20")
    unbuilt = ghost_tf.GhostResNet20(data_format=data_format)

    ghost_tf.set_state(unbuilt, tensors)

    assert_same_state(ghost_tf.state(unbuilt), tensors)


def test_the_stages_of_an_unbuilt_network_build_it_whole() -> None:
    unbuilt = ghost_tf.GhostResNet20()

    stages = unbuilt.stages(X)

    assert unbuilt.built
    assert list(stages) == ["stem", "layer1", "layer2", "layer3", "logits"]
    np.testing.assert_array_equal(unbuilt(X), stages["logits"])


def test_a_network_gives_the_same_in_both_data_formats() -> None:
    first = ghost_tf.GhostResNet20(data_format="channels_first")
    ghost_tf.set_state(first, tensors_of("ghost_resnet20"))

    output = first(X.transpose(0, 3, 1, 2)).numpy()

    wanted = network()(X).numpy()
    np.testing.assert_allclose(output, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_a_wrapper_is_refused_and_its_layer_kept() -> None:
    model = sequential()

    with pytest.raises(ArgumentError, match="pass the module itself, not a wrapper"):
        ghost_tf.set_state(model, tensors_of("ghost_conv", seed=1, **LAYER))

    assert_same_state(ghost_tf.state(model.layers[0]), TENSORS)


def test_inside_a_model_a_mistake_keeps_its_type_and_its_text() -> None:
    model = keras.Sequential([ghost_tf.GhostConv(**LAYER)])

    with pytest.raises(ArgumentError, match="the input must have `c_in` = 3 channels, got 4"):
        model(normal(2, 9, 8, 4))
