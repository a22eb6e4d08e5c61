"""Initialisers, regularisers and constraints, as Keras' own layers take them; inputs too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, normal, small_network

pytest.importorskip("keras")

import keras

import ghost_tf
from weights import ArgumentError

pytestmark = pytest.mark.slow

X = normal(2, 8, 8, 8)
MAKE: dict[str, Any] = {
    "conv": lambda **own: ghost_tf.GhostConv(8, 12, 3, **own),
    "folded": lambda **own: ghost_tf.GhostConv(8, 12, 3, form="folded", **own),
    "conv v2": lambda **own: ghost_tf.GhostConvV2(8, 12, **own),
    "conv v3": lambda **own: ghost_tf.GhostConvV3(8, 12, 3, **own),
    "squeeze excite": lambda **own: ghost_tf.SqueezeExcite(8, **own),
    "bottleneck": lambda **own: ghost_tf.GhostBottleneck(8, 16, 12, stride=2, se_ratio=0.5, **own),
    "c3": lambda **own: ghost_tf.C3Ghost(8, 16, **own),
    "yolo": lambda **own: ghost_tf.yolo.GhostConv(8, 12, **own),
    "resnet20": lambda **own: ghost_tf.GhostResNet20(in_chans=8, **own),
}
every_kind = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=[pytest.mark.slow] if name == "resnet20" else [])
        for name, make in MAKE.items()
    ],
)


def named(layer: Any, name: str) -> list[Any]:
    """The kernels or the biases of a layer that has seen an input."""
    layer(X)
    return [variable for variable in layer.variables if variable.name == name]


@every_kind
def test_choices_reach_every_variable(make: Any) -> None:
    chosen = {
        "kernel_initializer": "ones",
        "bias_initializer": "ones",
        "kernel_constraint": "non_neg",
    }
    layer = make(**chosen, kernel_regularizer="l2", bias_regularizer="l1")

    kernels, biases = named(layer, "kernel"), named(layer, "bias")

    assert all((variable.numpy() == 1).all() for variable in (*kernels, *biases))
    assert all(type(kernel.constraint).__name__ == "NonNeg" for kernel in kernels)
    assert len(layer.losses) == len(kernels) + len(biases)


@every_kind
def test_choices_are_part_of_the_configuration(make: Any) -> None:
    layer = make(kernel_initializer="he_normal", bias_constraint="max_norm")

    again = type(layer).from_config(layer.get_config())

    assert again.get_config() == layer.get_config()
    assert type(again.kernel_initializer).__name__ == "HeNormal"


def test_without_choices_the_configuration_is_as_it_was() -> None:
    assert "kernel_initializer" not in ghost_tf.GhostConv(8, 12).get_config()


def test_one_initialiser_draws_apart_for_each_variable() -> None:
    keras.utils.set_random_seed(0)
    layer = ghost_tf.GhostConvV3(8, 16, kernel_initializer=keras.initializers.HeNormal())

    first, second, *_ = [
        kernel.numpy() for kernel in named(layer, "kernel") if kernel.shape == (1, 1, 8, 8)
    ]

    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.6


def test_deployment_keeps_choices() -> None:
    layer = ghost_tf.GhostConv(8, 12, kernel_regularizer="l2")

    assert len(ghost_tf.deploy(layer).losses) == 2


@pytest.mark.parametrize("name", ["kernel_initializer", "bias_regularizer", "kernel_constraint"])
def test_an_unknown_choice_is_refused(name: str) -> None:
    kind = name.partition("_")[2]

    with pytest.raises(ArgumentError) as error:
        ghost_tf.GhostConv(8, 12, **{name: "nonsense"})

    assert str(error.value) == f"`{name}` must be one of Keras' {kind}s, got 'nonsense'"


def test_the_input_may_be_named_as_in_keras() -> None:
    layer = ghost_tf.GhostConv(8, 12)

    np.testing.assert_array_equal(layer(inputs=X), layer(X))
    np.testing.assert_array_equal(layer(x=X), layer(X))


def test_no_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="the input must be a dense tensor, got NoneType"):
        ghost_tf.GhostConv(8, 12)()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool"])
def test_a_network_takes_whole_numbers(dtype: str) -> None:
    network = small_network(COLUMNS[2])
    images = (np.arange(2 * 8 * 8 * 3) % 251).reshape(2, 8, 8, 3).astype(dtype)

    np.testing.assert_array_equal(network(images), network(images.astype("float32")))


@pytest.mark.matrix
def test_fit_takes_images_of_bytes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    layers = [ghost_tf.GhostConv(3, 8), keras.layers.GlobalAveragePooling2D()]
    for model in (ghost_tf.GhostResNet20(8), keras.Sequential(layers)):
        model.compile("sgd", "mse", jit_compile=False)  # which takes a minute
        model.fit(images, np.zeros((4, 8)), verbose=0)


def test_a_layer_by_itself_refuses_whole_numbers_as_conv2d_does() -> None:
    with pytest.raises(ArgumentError, match="got uint8: cast it"):
        ghost_tf.GhostConv(8, 12)(np.zeros((1, 4, 4, 8), "uint8"))
    with pytest.raises(ValueError, match="uint8"):
        keras.layers.Conv2D(2, 1)(np.zeros((1, 4, 4, 8), "uint8"))
