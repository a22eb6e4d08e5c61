"""`model.fit`, graphs and XLA with the layer inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of
from tests.training.stripes import CLASSES, striped_images

pytest.importorskip("keras")

import keras
import tensorflow as tf

import ghost_tf

# Keras' own: it copies its variables in a way that NumPy 2 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
]

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "padding": 1}
TENSORS = tensors_of("ghost_conv", **LAYER)
X = normal(2, 6, 5, 3)
SINGLE_VALUE = (
    r"training needs more than one value per channel \(batch x height x width\), got 1: the "
    "variance of a single value is undefined; use a larger batch or evaluation mode"
)


@pytest.fixture
def layer() -> Any:
    """A layer with random tensors."""
    made = ghost_tf.GhostConv(**LAYER)
    ghost_tf.set_state(made, TENSORS)
    return made


def classifier(**options: Any) -> Any:
    """A small compiled classifier made of one layer."""
    keras.utils.set_random_seed(0)
    ghost = ghost_tf.GhostConv(3, 9, 3, stride=3, name="ghost")
    model = keras.Sequential([ghost, keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    return compiled(model, **options)


def compiled(model: Any, **options: Any) -> Any:
    """The model with an ordinary optimiser and loss."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, **options)
    return model


def step_of(module: Any, x: Any) -> Any:
    """A training step as TensorFlow traces it."""

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(module(x, training=True)))
        return tape.gradient(loss, [each.value for each in module.trainable_variables])

    return step.get_concrete_function(x)


def losses(model: Any, epochs: int) -> list[float]:
    """The loss of every epoch of one step."""
    images, labels = striped_images()
    images = images.transpose(0, 2, 3, 1)
    return model.fit(images, labels, batch_size=24, epochs=epochs, verbose=0).history["loss"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="graph"),
        pytest.param({"run_eagerly": True}, id="eager"),
        pytest.param({"jit_compile": True}, id="xla", marks=pytest.mark.matrix),
    ],
)
def test_fit_lowers_the_loss(options: dict[str, Any]) -> None:
    history = losses(classifier(**options), epochs=20)

    assert history[-1] < 0.1 * history[0]


def test_fit_changes_every_tensor() -> None:
    model = classifier()
    model.build((None, 9, 9, 3))
    before = ghost_tf.state(model.layers[0])

    losses(model, epochs=1)

    after = ghost_tf.state(model.layers[0])
    assert [name for name in before if (before[name] == after[name]).all()] == []


@pytest.mark.matrix
def test_fit_lowers_the_loss_of_a_network() -> None:
    keras.utils.set_random_seed(0)

    history = losses(compiled(ghost_tf.GhostResNet20(CLASSES)), epochs=6)

    assert history[-1] < 0.5 * history[0]


def test_a_training_step_keeps_no_padded_copy() -> None:
    """A stride of 2 is padded by TensorFlow, in both convolutions of the block's shortcut too."""
    step = step_of(ghost_tf.GhostBottleneck(4, 8, 6, stride=2), normal(1, 8, 8, 4))
    assert not {"Pad", "PadV2"} & {each.type for each in step.graph.get_operations()}


def test_a_first_step_draws_initial_values_outside_its_graph() -> None:
    """Inside, each variable leaves two functions behind, which stay as long as the step."""
    eager: list[bool] = []

    class Drawn(keras.initializers.RandomUniform):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            eager.append(tf.executing_eagerly())
            return super().__call__(*args, **kwargs)

    step_of(ghost_tf.GhostConv(4, 8, kernel_initializer=Drawn()), normal(1, 8, 8, 4))
    assert eager
    assert all(eager)


def test_predict_gives_what_a_call_gives() -> None:
    model = classifier()
    losses(model, epochs=2)
    images = normal(5, 9, 9, 3)

    predicted = model.predict(images, batch_size=2, verbose=0)

    np.testing.assert_allclose(predicted, model(images), rtol=1e-5, atol=1e-5)


def test_fit_and_a_single_call_store_the_same_statistics(layer: Any) -> None:
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    twin = ghost_tf.GhostConv(**LAYER)
    ghost_tf.set_state(twin, TENSORS)
    twin(X, training=True)

    model.fit(X, np.zeros((2, 6, 5, 5)), batch_size=2, verbose=0)

    wanted = ghost_tf.state(twin)
    for name, array in ghost_tf.state(layer).items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_a_graph_gives_what_eager_mode_gives(layer: Any, training: bool, jit_compile: bool) -> None:
    graph = tf.function(lambda x: layer(x, training=training), jit_compile=jit_compile)

    np.testing.assert_allclose(graph(X), layer(X, training=training), rtol=1e-4, atol=1e-4)


def test_without_a_training_flag_a_layer_evaluates(layer: Any) -> None:
    np.testing.assert_array_equal(layer(X), layer(X, training=False))
    assert_same_state(ghost_tf.state(layer), TENSORS)


def test_a_layer_that_is_not_trainable_evaluates_in_training(layer: Any) -> None:
    wanted = layer(X).numpy()

    layer.trainable = False

    np.testing.assert_array_equal(layer(X, training=True), wanted)
    assert_same_state(ghost_tf.state(layer), TENSORS)
    assert layer.trainable_variables == []


def test_a_layer_that_is_not_trainable_takes_a_single_value(layer: Any) -> None:
    layer.trainable = False

    assert layer(normal(1, 1, 1, 3), training=True).shape == (1, 1, 1, 5)


def test_a_single_value_is_refused_at_run_time_where_the_batch_is_unknown(layer: Any) -> None:
    signature = [tf.TensorSpec((None, 1, 1, 3))]
    graph = tf.function(lambda x: layer(x, training=True), input_signature=signature)

    with pytest.raises(tf.errors.InvalidArgumentError, match=SINGLE_VALUE):
        graph(normal(1, 1, 1, 3))

    assert_same_state(ghost_tf.state(layer), TENSORS)
    assert graph(normal(2, 1, 1, 3)).shape == (2, 1, 1, 5)


def test_fit_refuses_a_last_batch_of_a_single_value(layer: Any) -> None:
    model = keras.Sequential([keras.Input((1, 1, 3)), layer])
    model.compile("sgd", "mse")

    with pytest.raises(tf.errors.InvalidArgumentError, match=SINGLE_VALUE):
        model.fit(normal(3, 1, 1, 3), np.zeros((3, 1, 1, 5)), batch_size=2, verbose=0)
