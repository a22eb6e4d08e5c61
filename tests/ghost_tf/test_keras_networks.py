"""The networks as Keras users handle them: fit, predict, saving, both orders of axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from keras import ops

import ghost_tf
from ghost_tf import yolo
from weights import ArgumentError

SMALL = {"width": 0.1, "num_classes": 4}
NETWORKS = {
    "v1": lambda **own: ghost_tf.GhostNet(**(SMALL | own)),
    "v2": lambda **own: ghost_tf.GhostNetV2(**(SMALL | own)),
    "v3": lambda **own: ghost_tf.GhostNetV3(**(SMALL | own)),
}
LAYERS = {
    "squeeze_excite": lambda **own: ghost_tf.SqueezeExcite(8, **own),
    "ghost_conv_v2": lambda **own: ghost_tf.GhostConvV2(8, 12, **own),
    "ghost_conv_v3": lambda **own: ghost_tf.GhostConvV3(8, 12, 3, attention=True, **own),
    "ghost_bottleneck": lambda **own: ghost_tf.GhostBottleneck(8, 16, 12, 5, 2, 0.25, **own),
    "branches": lambda **own: ghost_tf.GhostBottleneck(8, 16, 12, stride=2, branches=3, **own),
    "c3_ghost": lambda **own: ghost_tf.C3Ghost(8, 16, 2, **own),
    "yolo_ghost_conv": lambda **own: yolo.GhostConv(8, 12, 3, 2, **own),
    "yolo_bottleneck": lambda **own: yolo.GhostBottleneck(8, 12, 5, 2, **own),
}

pytestmark = [
    pytest.mark.slow,
    # Keras makes NumPy arrays of TensorFlow's variables in a way that NumPy 2 deprecates.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
every_network_but_v1_in_the_matrix = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if name == "v1" else pytest.mark.matrix, id=name)
        for name, make in NETWORKS.items()
    ],
)
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def randomise(module: Any) -> Any:
    """Weights and statistics that are none of the defaults."""
    generator = np.random.default_rng(1)
    tensors = ghost_tf.state(module)
    for name, array in tensors.items():
        noise = generator.normal(0, 0.2, array.shape)
        kept = np.exp(noise) if name.endswith("running_var") else array + noise / 4
        tensors[name] = kept.astype(array.dtype)
    ghost_tf.set_state(module, tensors)
    return module


@every_layer
def test_both_orders_of_axes_compute_the_same(make: Any) -> None:
    last = randomise(make(data_format="channels_last"))
    first = make(data_format="channels_first")
    ghost_tf.set_state(first, ghost_tf.state(last))
    x = images(2, 9, 7, 8)

    got = ops.transpose(first(ops.transpose(x, (0, 3, 1, 2))), (0, 2, 3, 1))

    np.testing.assert_allclose(got, last(x), rtol=1e-4, atol=1e-5)


@every_network_but_v1_in_the_matrix
def test_a_network_computes_the_same_in_both_orders_of_axes(make: Any) -> None:
    last = randomise(make(data_format="channels_last"))
    first = make(data_format="channels_first")
    ghost_tf.set_state(first, ghost_tf.state(last))
    x = images(1, 33, 40, 3)

    got = first(ops.transpose(x, (0, 3, 1, 2)))

    np.testing.assert_allclose(got, last(x), rtol=1e-3, atol=1e-4)


@every_layer
def test_a_layer_is_saved_and_loaded_by_keras(make: Any, tmp_path: Path) -> None:
    inputs = keras.Input((9, 7, 8))
    layer = make()
    model = keras.Model(inputs, layer(inputs))
    randomise(layer)
    x = images(1, 9, 7, 8)

    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(again(x), model(x))


@every_network_but_v1_in_the_matrix
def test_a_network_is_saved_and_loaded_by_keras(make: Any, tmp_path: Path) -> None:
    network, x = randomise(make(dropout=0.1)), images(1, 33, 40, 3)

    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")

    assert again.config == network.config
    np.testing.assert_array_equal(again(x), network(x))


@every_layer
def test_the_symbolic_shape_is_that_of_the_output(make: Any) -> None:
    layer = make()

    assert layer.compute_output_shape((2, 9, 7, 8)) == tuple(layer(images(2, 9, 7, 8)).shape)
    assert (
        layer.compute_output_shape((None, None, None, 8))[3] == layer(images(1, 9, 7, 8)).shape[3]
    )


@pytest.mark.matrix
def test_unknown_sizes_are_taken_at_run_time() -> None:
    network = randomise(NETWORKS["v3"]())
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, network(inputs))

    for size in ((33, 40), (47, 65)):
        x = images(2, *size, 3)
        np.testing.assert_allclose(model(x), network(x), rtol=1e-4, atol=1e-5)


@every_network
def test_every_tensor_belongs_to_the_model(make: Any) -> None:
    network = make()
    count = sum(array.size for array in ghost_tf.state(network).values())

    assert count == sum(int(np.prod(variable.shape)) for variable in network.weights)


def test_the_smallest_input_is_checked_before_anything_is_built() -> None:
    network = NETWORKS["v2"]()

    with pytest.raises(ArgumentError, match=r"at least 33 x 33 \(height x width\), got 32 x 40"):
        network(images(1, 32, 40, 3))
    assert not network.built


def test_features_are_the_five_maps_of_halved_sizes() -> None:
    features = NETWORKS["v3"]().features(images(1, 64, 64, 3))

    assert [tuple(each.shape[1:3]) for each in features.values()] == [
        (size, size) for size in (32, 16, 8, 4, 2)
    ]


def test_dropout_acts_in_training_alone() -> None:
    keras.utils.set_random_seed(0)
    network = NETWORKS["v1"](dropout=0.5)
    network.trainable = False  # batch statistics would move the output as well
    x = images(2, 33, 33, 3)

    np.testing.assert_array_equal(network(x), network(x))
    assert not np.array_equal(network(x, training=True), network(x, training=True))
