"""What Keras and TensorFlow write of layers and networks is whole, and comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import normal, tensors_of

pytest.importorskip("keras")

import keras
import tensorflow as tf

import ghost_tf
from ghost_tf import yolo
from ghost_tf.branches import ConvNorm
from ghost_tf.framework.keras_layers import convolution_plan
from weights.modules.convolutions import ConvolutionPlan

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    ),
    # Keras says it of every layer that it leaves as it is.
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning"),
]

MAPS, IMAGE = normal(2, 8, 8, 8), normal(1, 33, 33, 3)
SMALL = {"width": 0.1, "num_classes": 4}
MODULES: dict[str, tuple[Callable[..., Any], np.ndarray]] = {
    "conv v2": (lambda: ghost_tf.GhostConvV2(8, 12), MAPS),
    "conv v3": (lambda: ghost_tf.GhostConvV3(8, 12, 3), MAPS),
    "bottleneck": (lambda: ghost_tf.GhostBottleneck(8, 16, 12, stride=2, se_ratio=0.25), MAPS),
    "c3": (lambda: ghost_tf.C3Ghost(8, 16, 2), MAPS),
}
NETWORKS: dict[str, tuple[Callable[..., Any], np.ndarray]] = {
    "v1": (lambda: ghost_tf.GhostNet(**SMALL), IMAGE),
    "v2": (lambda: ghost_tf.GhostNetV2(**SMALL), IMAGE),
    "v3": (lambda: ghost_tf.GhostNetV3(**SMALL), IMAGE),
    "resnet20": (lambda: ghost_tf.GhostResNet20(), IMAGE),
    "vgg": (lambda: ghost_tf.GhostVGG16(ratio=4), IMAGE),
}
every_module = pytest.mark.parametrize(
    ("make", "x"),
    [
        *(pytest.param(*row, id=name) for name, row in MODULES.items()),
        *(pytest.param(*row, id=name, marks=pytest.mark.slow) for name, row in NETWORKS.items()),
    ],
)


@pytest.mark.matrix
@every_module
def test_a_checkpoint_of_tensorflow_has_every_weight(
    make: Any, x: np.ndarray, tmp_path: Path
) -> None:
    first, second = make(), make()
    wanted = first(x)
    assert not np.array_equal(second(x), wanted)

    path = tf.train.Checkpoint(module=first).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(module=second).restore(path).assert_consumed()

    kept = [name for name, _ in tf.train.list_variables(path) if "VARIABLE_VALUE" in name]
    # All but the seed of dropout, which no checkpoint has of Keras' own layer either.
    assert len([name for name in kept if "save_counter" not in name]) == len(first.weights)
    np.testing.assert_allclose(second(x), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.matrix
@pytest.mark.parametrize(("make", "x"), NETWORKS.values(), ids=NETWORKS)
def test_tensorflow_saves_a_network_whole(make: Any, x: np.ndarray, tmp_path: Path) -> None:
    network = make()
    wanted = network(x)

    tf.saved_model.save(network, str(tmp_path / "saved"))

    served = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    (output,) = served(tf.constant(x)).values()
    np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)


def parts() -> dict[str, Any]:
    """A layer of every kind that a network is made of."""
    conv = ghost_tf.GhostConv(8, 12, 3)
    options = {"data_format": "channels_last"}
    return {
        "convolution": conv.primary_conv.conv,
        "depthwise": ghost_tf.GhostConv(8, 16).cheap_conv.conv,
        "norm": conv.primary_conv.norm,
        "half": conv.primary_conv,
        "merged half": ghost_tf.GhostConvV3(8, 12, form="deployed").primary_conv,
        "folded": ghost_tf.GhostConv(8, 12, form="folded").primary_conv.norm,
        "branch": ConvNorm(ConvolutionPlan(8, 12), 1e-3, 0.2, "relu6", **options),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", list(parts()))
def test_a_part_of_a_network_is_saved_and_loaded(name: str, tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 8))
    model = keras.Model(inputs, parts()[name](inputs))
    model.save(tmp_path / "model.keras")

    again = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(again(MAPS), model(MAPS))
    assert type(again.layers[1]) is type(model.layers[1])


@pytest.mark.slow
def test_a_model_of_features_is_saved_and_loaded(tmp_path: Path) -> None:
    inputs = keras.Input((33, 33, 3))
    model = keras.Model(inputs, ghost_tf.GhostNet(**SMALL).features(inputs))
    model.save(tmp_path / "features.keras")

    again = keras.saving.load_model(tmp_path / "features.keras")

    wanted = model(IMAGE)
    for name, feature in again(IMAGE).items():
        np.testing.assert_array_equal(feature, wanted[name], err_msg=name)
    assert again.get_layer("conv_stem").plan.c_out == 4


@pytest.mark.slow
def test_a_model_of_stages_is_saved_and_loaded(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, ghost_tf.GhostResNet20().stages(inputs))
    model.save(tmp_path / "stages.keras")

    again = keras.saving.load_model(tmp_path / "stages.keras")

    x = normal(1, 8, 8, 3)
    np.testing.assert_array_equal(again(x)["logits"], model(x)["logits"])


def test_the_halves_of_two_layers_have_the_same_names() -> None:
    inputs = keras.Input((8, 8, 8))
    first, second = (ghost_tf.GhostConv(8, 12).primary_conv(inputs) for _ in range(2))

    with pytest.raises(ValueError, match="unique"):
        keras.Model(inputs, [first, second])


def test_the_layers_inside_bear_the_names_of_their_paths() -> None:
    block = ghost_tf.GhostBottleneck(8, 16, 12, stride=2)
    block(MAPS)

    paths = {variable.path.partition("/")[2] for variable in block.variables}

    assert {"ghost1/primary_conv/conv/kernel", "shortcut_3/gamma", "conv_dw/kernel"} <= paths


@pytest.mark.parametrize("kind", [yolo.GhostConv, yolo.GhostBottleneck])
def test_a_module_of_yolo_comes_back_as_its_own_kind(kind: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 8)), kind(8, 12, 3, 2)])
    model.save(tmp_path / "model.keras")

    again = keras.saving.load_model(tmp_path / "model.keras")

    assert type(again.layers[0]) is kind
    np.testing.assert_array_equal(again(MAPS), model(MAPS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ["int8", *(pytest.param(mode, marks=pytest.mark.matrix) for mode in ("int4", "float8"))]
)
def test_a_quantised_classifier_stays_quantised(mode: str, tmp_path: Path) -> None:
    network = ghost_tf.GhostResNet20()
    network(IMAGE)
    network.quantize(mode)
    network.save(tmp_path / "network.keras")

    again = keras.saving.load_model(tmp_path / "network.keras")

    assert again.linear.quantization_mode == mode
    np.testing.assert_array_equal(again(IMAGE), network(IMAGE))


@pytest.mark.matrix
def test_an_export_takes_the_sizes_that_the_network_has_seen(tmp_path: Path) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    network = ghost_tf.weights_io.build("ghost_resnet20", {}, tensors_of("ghost_resnet20"))
    network(normal(1, 16, 24, 3))
    deployed = ghost_tf.deploy(network)

    deployed.export(tmp_path / "network.tflite", format="litert", verbose=False)

    (given,) = interpreter.Interpreter(str(tmp_path / "network.tflite")).get_input_details()
    assert list(given["shape_signature"]) == [-1, 16, 24, 3]


@pytest.mark.parametrize("folded", [False, True])
def test_a_convolution_that_keras_saved_without_a_norm_field_has_one_unless_it_has_a_bias(
    folded: bool,
) -> None:
    plan = ConvolutionPlan(3, 4, (3, 1), padding=(1, 0)).fold(folded)
    saved = {name: value for name, value in asdict(plan).items() if name != "norm"}

    assert convolution_plan(saved) == plan
