"""What is frozen stays frozen: constructors, configurations, files, clones, all three backends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import normal

pytest.importorskip("keras")

import keras

import ghost_tf
from ghost_tf import yolo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]

REPOSITORY = Path(__file__).resolve().parents[2]
X = normal(2, 8, 8, 8)
LAYERS: dict[str, Callable[..., Any]] = {
    "conv": lambda **own: ghost_tf.GhostConv(8, 12, 3, padding=1, **own),
    "conv v2": lambda **own: ghost_tf.GhostConvV2(8, 12, **own),
    "conv v3": lambda **own: ghost_tf.GhostConvV3(8, 12, 3, **own),
    "folded": lambda **own: ghost_tf.GhostConv(8, 12, 3, padding=1, form="folded", **own),
    "squeeze excite": lambda **own: ghost_tf.SqueezeExcite(8, **own),
    "bottleneck": lambda **own: ghost_tf.GhostBottleneck(8, 16, 12, stride=2, **own),
    "c3": lambda **own: ghost_tf.C3Ghost(8, 16, **own),
    "yolo": lambda **own: yolo.GhostConv(8, 12, **own),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def saved(layer: Any, folder: Path) -> Any:
    """The layer out of a file that Keras wrote of it."""
    keras.Sequential([keras.Input((8, 8, 8)), layer]).save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras").layers[0]


def cloned(layer: Any, _: Path) -> Any:
    return keras.models.clone_model(keras.Sequential([keras.Input((8, 8, 8)), layer])).layers[0]


def configured(layer: Any, _: Path) -> Any:
    return type(layer).from_config(layer.get_config())


WAYS = {"saved": saved, "cloned": cloned, "configured": configured}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def trained(layer: Any) -> list[str]:
    """What an epoch changes in a model with the layer and something behind it that learns."""
    model = keras.Sequential([layer, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)])
    model(X)
    before = [variable.numpy() for variable in layer.variables]
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(X, np.ones((2, 1)), epochs=1, verbose=0)
    pairs = zip(layer.variables, before, strict=True)
    return [each.path for each, old in pairs if not np.array_equal(each.numpy(), old)]


@every_layer
def test_a_layer_that_is_made_frozen_has_nothing_to_train(make: Any) -> None:
    layer = make(trainable=False)
    model = keras.Sequential([layer])
    model(X)

    assert model.trainable_variables == []


@every_layer
def test_training_changes_nothing_in_a_layer_that_is_made_frozen(make: Any) -> None:
    assert trained(make(trainable=False)) == []


@every_layer
@every_way
def test_a_frozen_layer_stays_frozen(make: Any, way: Any, tmp_path: Path) -> None:
    layer = make()
    layer(X)
    layer.trainable = False

    again = way(layer, tmp_path)

    model = keras.Sequential([again])
    model(X)
    assert (again.trainable, model.trainable_variables) == (False, [])


@every_way
def test_frozen_parts_stay_frozen(way: Any, tmp_path: Path) -> None:
    layer = LAYERS["bottleneck"]()
    layer(X)
    layer.ghost1.trainable = layer.shortcut[1].trainable = False
    layer.ghost1.primary_conv.conv.trainable = True

    again = way(layer, tmp_path)
    again(X)

    assert again.get_config() == layer.get_config()
    assert len(again.trainable_variables) == len(layer.trainable_variables)
    assert again.ghost1.primary_conv.conv.trainable
    assert not again.ghost1.cheap_conv.conv.trainable


def test_a_frozen_network_stays_frozen_in_a_file(tmp_path: Path) -> None:
    network = ghost_tf.GhostResNet20(trainable=False)
    network(normal(1, 8, 8, 3))
    network.save(tmp_path / "network.keras")

    again = keras.saving.load_model(tmp_path / "network.keras")

    assert keras.Sequential([again]).trainable_variables == []


def test_unfreezing_what_was_made_frozen_trains_all_of_it() -> None:
    layer = LAYERS["conv"](trainable=False)
    layer(X)

    layer.trainable = True

    assert len(layer.trainable_variables) == 6


def test_a_ghost_for_a_frozen_convolution_does_not_train() -> None:
    conv = keras.layers.Conv2D(12, 3, name="conv", trainable=False)
    model = keras.Sequential([keras.Input((8, 8, 8)), conv])

    ghostified, _ = ghost_tf.replace_convolutions(model)

    assert isinstance(ghostified.get_layer("conv"), ghost_tf.GhostConv)
    assert ghostified.trainable_variables == []


PROGRAM = """
import keras, numpy as np, ghost_tf, tempfile
layer = ghost_tf.GhostBottleneck(8, 16, 12, stride=2, trainable=False)
part = ghost_tf.GhostConv(12, 6)
model = keras.Sequential([keras.Input((8, 8, 8)), layer, part])
part.cheap_conv.trainable = False
path = tempfile.mkdtemp() + "/model.keras"
model.save(path)
again = keras.saving.load_model(path)
names = [variable.path.split("/")[-3] for variable in again.trainable_variables]
print(keras.backend.backend(), set(names), len(names))
"""


@pytest.mark.matrix
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_frozen_parts_stay_frozen_on_other_backends(backend: str) -> None:
    pytest.importorskip(backend)
    environment = {**os.environ, "KERAS_BACKEND": backend}

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.split("\n")[0] == f"{backend} {{'primary_conv'}} 3"
