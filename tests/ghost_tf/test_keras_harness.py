"""Keras' own tests of layers, over every public layer and network in every form and policy."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("keras")

import keras
from keras.src.testing.test_case import TestCase

import ghost_tf
from ghost_tf import yolo

IMAGE, MAPS = (2, 33, 33, 3), (2, 8, 8, 8)
CHOICES = {
    "kernel_initializer": "he_normal",
    "bias_regularizer": "l2",
    "activity_regularizer": "l2",
}
# (class, arguments, shape of an input); the forms that each has, `training` unless it says more
LAYERS: dict[str, tuple[Any, dict[str, Any], tuple[int, ...]]] = {
    "conv": (ghost_tf.GhostConv, {"c_in": 8, "c_out": 12, "kernel_size": 3}, MAPS),
    "conv v2": (ghost_tf.GhostConvV2, {"c_in": 8, "c_out": 12}, MAPS),
    "conv v3": (
        ghost_tf.GhostConvV3,
        {"c_in": 8, "c_out": 12, "attention": True, "branches": 1},
        MAPS,
    ),
    "squeeze excite": (ghost_tf.SqueezeExcite, {"channels": 8}, MAPS),
    "bottleneck": (
        ghost_tf.GhostBottleneck,
        {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2, "se_ratio": 0.25, "branches": 1},
        MAPS,
    ),
    "c3": (ghost_tf.C3Ghost, {"c1": 8, "c2": 16}, MAPS),
    "yolo conv": (yolo.GhostConv, {"c1": 8, "c2": 12, "k": 3}, MAPS),
    "yolo bottleneck": (yolo.GhostBottleneck, {"c1": 8, "c2": 12, "k": 5, "s": 2}, MAPS),
}
NETWORKS: dict[str, tuple[Any, dict[str, Any], tuple[int, ...]]] = {
    "v1": (ghost_tf.GhostNet, {"width": 0.1, "num_classes": 4}, IMAGE),
    "v2": (ghost_tf.GhostNetV2, {"width": 0.1, "num_classes": 4}, IMAGE),
    "v3": (ghost_tf.GhostNetV3, {"width": 0.1, "num_classes": 4}, IMAGE),
    "resnet20": (ghost_tf.GhostResNet20, {}, IMAGE),
    "resnet20 without norm": (ghost_tf.GhostResNet20, {"norm": False}, IMAGE),
    "vgg": (ghost_tf.GhostVGG16, {"ratio": 4}, IMAGE),
}
POLICIES = ("float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
    # Keras' own generator of data.
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning"),
]
SHORT = {"run_training_check": False, "run_mixed_precision_check": False}
every_layer = pytest.mark.parametrize("name", LAYERS)
every_network = pytest.mark.parametrize("name", NETWORKS)


def run(kind: Any, arguments: dict[str, Any], shape: tuple[int, ...], **checks: Any) -> None:
    """All of Keras' checks on a layer."""
    TestCase().run_layer_test(kind, init_kwargs=arguments, input_shape=shape, **checks)


@every_layer
def test_a_layer_passes_the_tests_of_keras(name: str) -> None:
    kind, arguments, shape = LAYERS[name]

    run(kind, arguments, shape)


@every_layer
@pytest.mark.parametrize("policy", POLICIES)
def test_a_layer_passes_under_every_policy(name: str, policy: str) -> None:
    kind, arguments, shape = LAYERS[name]
    wanted = keras.dtype_policies.get(policy).compute_dtype

    run(kind, {**arguments, "dtype": policy}, shape, expected_output_dtype=wanted, **SHORT)


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["conv", "conv v2", "conv v3", "bottleneck", "c3"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_folded_layer_passes_under_every_policy(name: str, policy: str) -> None:
    kind, arguments, shape = LAYERS[name]
    wanted = keras.dtype_policies.get(policy).compute_dtype

    arguments = {**arguments, "form": "folded", "dtype": policy}
    run(kind, arguments, shape, expected_output_dtype=wanted, **SHORT)


@every_layer
def test_a_layer_with_choices_passes(name: str) -> None:
    kind, arguments, shape = LAYERS[name]

    run(kind, {**arguments, **CHOICES, "trainable": False}, shape, **SHORT)


@pytest.mark.matrix
@every_network
def test_a_network_passes_the_tests_of_keras(name: str) -> None:
    kind, arguments, shape = NETWORKS[name]

    # Keras would compile a training step by XLA, which takes minutes; `fit` has tests of its own.
    run(kind, arguments, shape, run_training_check=False)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "folded") for name in NETWORKS if "norm" not in name), ("v3", "deployed")],
)
def test_a_network_in_another_form_passes_in_float16(name: str, form: str) -> None:
    kind, arguments, shape = NETWORKS[name]

    arguments = {**arguments, "form": form, "dtype": "mixed_float16"}
    run(kind, arguments, shape, expected_output_dtype="float16", **SHORT)
