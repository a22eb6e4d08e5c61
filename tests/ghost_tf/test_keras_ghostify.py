"""`replace_convolutions` on Keras models: a new model, the old one as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from keras import layers

from ghost_tf import GhostConv, GhostResNet20, replace_convolutions
from tests.columns import normal
from weights import ArgumentError

X = normal(4, 8, 8, 3)


class MyConv(layers.Conv2D):
    """A convolution of its own class."""


class Subclassed(keras.Model):
    """A model whose graph Keras does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.conv = layers.Conv2D(8, 3, name="conv")

    def call(self, x: Any) -> Any:
        return self.conv(x)


class Unsaved(layers.Layer):
    """A layer that Keras cannot build again."""

    def __init__(self, size: int) -> None:
        super().__init__(name="unsaved")
        self.size = size

    def call(self, x: Any) -> Any:
        return x


def sequential(*stack: Any) -> keras.Sequential:
    return keras.Sequential([layers.Input((8, 8, 3)), *stack])


def classifier() -> keras.Model:
    """A functional model with a model inside, a shared layer and operations."""
    inputs = keras.Input((8, 8, 3))
    backbone = sequential(
        layers.Conv2D(16, 3, padding="same", activation="relu6", name="conv"),
        layers.BatchNormalization(name="norm"),
    )
    backbone.name = "backbone"
    shared = layers.Conv2D(16, 3, padding="same", name="shared")
    x = backbone(inputs)
    x = keras.ops.relu(shared(shared(x)) + x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(3, name="dense")(x), name="classifier")


UNEVEN = (
    "it pads one side more than the other, GhostConv pads both alike; got kernel_size 3, stride 2"
)
LEFT = [
    (layers.Conv2DTranspose(8, 3), "a transposed convolution"),
    (layers.DepthwiseConv2D(3), "a depthwise convolution, cheap already"),
    (layers.SeparableConv2D(8, 3), "a separable convolution, cheap already"),
    (MyConv(8, 3), "it is of a class of its own, MyConv"),
    (layers.Conv2D(8, 3, strides=2, padding="same"), UNEVEN),
    (
        layers.Conv2D(8, 3, activation="tanh"),
        "its activation tanh is none of relu, relu6, silu, hard_swish",
    ),
    (Subclassed(), "it is part of a layer that Keras builds as a whole"),
]
ACTIVATIONS = [
    (None, "hard_swish"),
    ("linear", "hard_swish"),
    ("relu", "relu"),
    ("relu6", "relu6"),
    ("swish", "silu"),
    ("hard_swish", "hard_swish"),
]


@pytest.mark.parametrize(("layer", "reason"), LEFT, ids=lambda value: type(value).__name__)
def test_what_is_left_has_a_reason(layer: Any, reason: str) -> None:
    _, report = replace_convolutions(sequential(layer))

    assert [each.reason for each in report.kept] == [reason]


@pytest.mark.parametrize(("layer", "axes"), [(layers.Conv1D(8, 3), 1), (layers.Conv3D(8, 3), 3)])
def test_convolutions_of_other_ranks_are_left(layer: Any, axes: int) -> None:
    model = keras.Sequential([layers.Input((8,) * axes + (3,)), layer])

    _, report = replace_convolutions(model)

    assert report.kept[0].reason == f"a {axes}-D convolution, GhostConv is 2-D"


def test_a_model_that_has_seen_no_input_keeps_its_convolutions() -> None:
    _, report = replace_convolutions(keras.Sequential([layers.Conv2D(8, 3)]))

    assert report.kept[0].reason.startswith("it has seen no input yet")


@pytest.mark.parametrize(("of_the_layer", "wanted"), ACTIVATIONS)
def test_the_activation_of_a_layer_stays(of_the_layer: str | None, wanted: str) -> None:
    model = sequential(layers.Conv2D(16, 3, activation=of_the_layer))

    _, report = replace_convolutions(model, activation="hard_swish")

    assert report.replaced[0].config.activation == wanted


def test_a_model_within_a_model_is_rebuilt() -> None:
    model, report = replace_convolutions(classifier(), exclude=("shared",))

    assert [each.path for each in report.replaced] == ["backbone.conv"]
    assert report.replaced[0].config.activation == "relu6"
    assert isinstance(model.get_layer("backbone").get_layer("conv"), GhostConv)
    assert model(X).shape == (4, 3)


def test_a_layer_called_twice_is_replaced_by_one() -> None:
    model, _ = replace_convolutions(classifier(), include=("shared",))

    ghosts = [layer for layer in model.layers if isinstance(layer, GhostConv)]
    assert [layer.name for layer in ghosts] == ["shared"]


def test_what_is_left_keeps_its_weights() -> None:
    old = classifier()
    old.get_layer("backbone").get_layer("norm").moving_mean.assign(np.arange(16.0))

    new, _ = replace_convolutions(old, include=())

    assert new is not old
    np.testing.assert_array_equal(new(X), old(X))


def test_the_old_model_stays_as_it_was() -> None:
    old = classifier()
    before = old(X).numpy()

    new, _ = replace_convolutions(old)
    for variable in new.variables:
        variable.assign(variable * 0)

    np.testing.assert_array_equal(old(X), before)
    assert not any(isinstance(layer, GhostConv) for layer in old.layers)


def test_name_types_and_order_of_axes_are_kept() -> None:
    conv = layers.Conv2D(
        16, 3, name="conv", dtype="mixed_bfloat16", data_format="channels_first", padding="same"
    )
    conv.trainable = False
    model, report = replace_convolutions(keras.Sequential([layers.Input((3, 8, 8)), conv]))

    ghost = model.get_layer("conv")
    assert (ghost.data_format, ghost.compute_dtype, ghost.trainable) == (
        "channels_first",
        "bfloat16",
        False,
    )
    assert "frozen as it was, though its weights are fresh" in report.replaced[0].notes


def test_what_is_dropped_is_noted() -> None:
    model = sequential(layers.Conv2D(16, 3, kernel_regularizer="l2", use_bias=False))

    _, report = replace_convolutions(model)

    assert report.replaced[0].notes == ("its kernel_regularizer is dropped",)


@pytest.mark.parametrize("model", [Subclassed(), GhostResNet20()], ids=lambda m: type(m).__name__)
def test_a_subclassed_model_is_refused(model: keras.Model) -> None:
    with pytest.raises(ArgumentError, match="must be a Functional or Sequential model, got "):
        replace_convolutions(model)


def test_a_layer_that_cannot_be_built_again_is_named() -> None:
    with pytest.raises(ArgumentError, match="got 'unsaved' of class Unsaved: "):
        replace_convolutions(sequential(Unsaved(3)))


@pytest.mark.slow
def test_a_replaced_model_trains() -> None:
    keras.utils.set_random_seed(0)
    model, _ = replace_convolutions(classifier())
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [variable.numpy() for variable in model.trainable_variables]

    model.train_on_batch(X, np.array([0, 1, 2, 0]))

    moved = [
        not np.array_equal(variable.numpy(), old)
        for variable, old in zip(model.trainable_variables, before, strict=True)
    ]
    assert all(moved)
