"""Networks as `keras.applications` has them: arguments, outputs, errors."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ghost_tf
from ghost_tf import applications
from weights.networks.variants import VARIANTS

# A network of Keras' own with the arguments that all of them have.
KERAS = keras.applications.MobileNetV2
SHAPE = (32, 32, 3)


def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype(np.float32)


def error(function: Any, arguments: dict[str, Any]) -> str:
    with pytest.raises(ValueError) as caught:
        function(**arguments)
    return str(caught.value).replace("  ", " ")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_published_network_takes_the_arguments_of_keras(name: str) -> None:
    arguments = inspect.signature(getattr(applications, name)).parameters
    wanted = inspect.signature(keras.applications.EfficientNetV2B0).parameters

    assert arguments.keys() == wanted.keys() - {"include_preprocessing"}
    assert {key: arguments[key].default for key in arguments if key != "name"} == {
        key: wanted[key].default for key in arguments if key != "name"
    }


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["ghostnet_050", "repghostnet_050"])
def test_the_model_computes_the_network_and_its_softmax(name: str, tmp_path: Path) -> None:
    path, x = tmp_path / "network.safetensors", images()
    network = getattr(ghost_tf, name)(num_classes=5)
    ghost_tf.save_weights(network, path)

    model = getattr(applications, name)(weights=str(path), classes=5, input_shape=SHAPE)

    wanted = keras.ops.softmax(network.predict(x, verbose=0))
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5)
    assert model.name == name


@pytest.mark.slow
def test_without_the_top_it_ends_with_a_feature_map_or_its_pooling() -> None:
    maps = applications.ghostnet_050(include_top=False, weights=None, input_shape=SHAPE)
    pooled = applications.ghostnet_050(
        include_top=False, weights=None, pooling="avg", input_tensor=keras.Input(SHAPE)
    )

    assert maps.output_shape == (None, 1, 1, 480)
    assert pooled.output_shape == (None, 480)
    any_size = applications.ghostnet_050(include_top=False, weights=None)
    assert any_size.input_shape == (None, None, None, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"weights": "elsewhere"},
        {"weights": "imagenet", "classes": 7},
        {"weights": None, "input_shape": (16, 16, 3), "include_top": False},
        {"weights": None, "input_shape": (32, 32), "include_top": False},
        {"weights": None, "input_shape": (None, None, 3)},
    ],
    ids=str,
)
def test_a_wrong_argument_gets_the_text_of_keras(arguments: dict[str, Any]) -> None:
    found, wanted = (error(each, arguments) for each in (applications.ghostnet_050, KERAS))

    assert found.partition("Received")[0] == wanted.partition("Received")[0]


def test_pixels_are_scaled_as_the_published_weights_want() -> None:
    x = images()
    wanted = (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]

    np.testing.assert_allclose(applications.preprocess_input(x), wanted, atol=1e-6)
