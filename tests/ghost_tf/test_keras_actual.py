"""What a layer or network of Keras is now: taken over or refused by path, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("keras")

import keras

import ghost_tf
from ghost_tf.weights_io import FRAMEWORK, build
from weights import ArgumentError

LAYER: dict[str, Any] = {"c_in": 4, "c_out": 6, "kernel_size": 3, "padding": 1}
RULE = "`module` must be what its configuration says, got one that was changed by hand:\n  - "


def layer(**options: Any) -> Any:
    """A layer with random tensors."""
    made = ghost_tf.GhostConv(**LAYER, **options)
    ghost_tf.set_state(made, tensors_of("ghost_conv", **LAYER))
    return made


@pytest.fixture(scope="module")
def with_lora() -> Any:
    """A network whose classifier has low-rank weights beside its own."""
    made = ghost_tf.GhostResNet20()
    ghost_tf.state(made)
    made.linear.enable_lora(2)
    return made


def other_convolution(module: Any) -> None:
    module.primary_conv.conv = keras.layers.Conv2D(3, 3, padding="same")


def other_activation(module: Any) -> None:
    module.primary_conv.act = keras.ops.silu


def activation_layer(module: Any) -> None:
    module.cheap_conv.act = keras.layers.LeakyReLU()


def other_norm(module: Any) -> None:
    module.cheap_conv.norm = keras.layers.LayerNormalization()


def plain_norm(module: Any) -> None:
    module.cheap_conv.norm = ghost_tf.layers.BatchNorm(epsilon=1e-5, momentum=0.9, scale=False)


def one_epsilon(module: Any) -> None:
    module.cheap_conv.norm.epsilon = 1e-3


CHANGES: list[tuple[Callable[[Any], None], str]] = [
    (other_convolution, "'primary_conv.conv' is Conv2D, not Convolution"),
    (other_activation, "'primary_conv.act' is silu, not relu"),
    (activation_layer, "'cheap_conv.act' is LeakyReLU, not relu"),
    (other_norm, "'cheap_conv.norm' is LayerNormalization, not BatchNorm"),
    (plain_norm, "'cheap_conv.norm' has weight False, not True"),
    (one_epsilon, "'cheap_conv.norm' has eps 0.001, not 1e-05"),
]
CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "state": lambda module, _: ghost_tf.state(module),
    "set_state": lambda module, _: ghost_tf.set_state(module, {}),
    "save_weights": lambda module, path: ghost_tf.save_weights(module, path / "a.safetensors"),
    "load_weights": lambda module, path: ghost_tf.load_weights(module, path / "file.safetensors"),
    "deploy": lambda module, _: ghost_tf.deploy(module),
    "reset_classifier": lambda module, _: ghost_tf.reset_classifier(module, 3),
}


@pytest.mark.parametrize(
    ("change", "what"), CHANGES, ids=lambda each: getattr(each, "__name__", "")
)
def test_what_no_configuration_describes_is_refused_by_path(change: Any, what: str) -> None:
    module = ghost_tf.GhostConv(**LAYER)
    change(module)

    with pytest.raises(ArgumentError) as error:
        ghost_tf.state(module)

    assert str(error.value).startswith(RULE + what + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_low_rank_weights_are_refused_by_every_call(
    call: Any, with_lora: Any, tmp_path: Path
) -> None:
    ghost_tf.save_weights(layer(), tmp_path / "file.safetensors")

    with pytest.raises(ArgumentError, match="'linear' has lora_rank 2, not None"):
        call(with_lora, tmp_path)


# Keras' own, where it quantises on TensorFlow.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_a_quantised_layer_is_refused(mode: str) -> None:
    made = ghost_tf.GhostResNet20()
    ghost_tf.state(made)
    made.linear.quantize(mode)

    with pytest.raises(ArgumentError, match=f"'linear' has quantization_mode {mode}, not None"):
        ghost_tf.state(made)


def test_one_epsilon_and_one_momentum_are_taken_over(tmp_path: Path) -> None:
    made = layer()
    for half in (made.primary_conv, made.cheap_conv):
        half.norm.epsilon, half.norm.momentum = 1e-3, 0.97

    ghost_tf.save_weights(made, tmp_path / "layer.safetensors")
    again = ghost_tf.from_file(tmp_path / "layer.safetensors")

    assert (again.plan.bn_eps, again.plan.bn_momentum) == (1e-3, 0.03)
    x = normal(1, 5, 5, 4)
    np.testing.assert_array_equal(again(x), made(x))
    np.testing.assert_allclose(ghost_tf.deploy(made)(x), made(x), rtol=1e-4, atol=1e-5)


def test_looking_at_a_module_draws_no_random_number() -> None:
    module = ghost_tf.GhostConv(**LAYER, bn_eps=0.123)  # of which no other test makes one
    keras.utils.set_random_seed(0)
    wanted = keras.random.normal((3,), seed=keras.random.SeedGenerator())

    keras.utils.set_random_seed(0)
    FRAMEWORK.specs_of(module)

    seed = keras.random.SeedGenerator()
    np.testing.assert_array_equal(keras.random.normal((3,), seed=seed), wanted)


@pytest.mark.parametrize("thing", [keras.layers.Dense(3), keras.Sequential(), 3, None], ids=str)
def test_the_state_of_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(ArgumentError, match=f"`module` must be .* got {type(thing).__name__}"):
        ghost_tf.state(thing)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (keras.layers.Dense(3), "must have ghost modules to deploy"),
        (keras.Sequential(), "must have ghost modules to deploy"),
        (3, "must be .* got int"),
        (None, "must be .* got NoneType"),
    ],
    ids=str,
)
def test_anything_else_is_not_deployed(thing: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"`module` {message}"):
        ghost_tf.deploy(thing)


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_a_deployed_layer_is_where_the_layer_was(dtype: str) -> None:
    options = {"data_format": "channels_first", "dtype": dtype, "name": "mine"}
    made = ghost_tf.GhostConv(**LAYER, **options)

    deployed = ghost_tf.deploy(made)

    kept = (deployed.data_format, deployed.dtype_policy.name, deployed.name)
    assert kept == ("channels_first", dtype, "mine")
    if dtype != "float64":  # of which TensorFlow has no convolution in this order
        x = normal(2, 4, 5, 6)
        assert (deployed(x).shape, deployed(x).dtype) == (made(x).shape, made(x).dtype)


@pytest.mark.parametrize("policy", ["float16", "float64"])
def test_a_deployed_layer_does_not_follow_the_global_policy(policy: str) -> None:
    made = layer()
    keras.config.set_dtype_policy(policy)
    try:
        deployed = ghost_tf.deploy(made)
    finally:
        keras.config.set_dtype_policy("float32")

    assert deployed(normal(1, 5, 5, 4)).dtype == "float32"


def test_the_state_of_a_deployed_layer_is_that_of_its_kind() -> None:
    tensors = ghost_tf.state(ghost_tf.deploy(layer()))
    config = {**LAYER, "form": "folded"}

    assert_same_state(ghost_tf.state(build("ghost_conv", config, tensors)), tensors)
