"""`ghost_tf` layers behave as Keras' own: building, shapes, configuration, policies, formats."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state, normal, tensors_of

pytest.importorskip("keras")

import keras
import tensorflow as tf

import ghost_tf
from conformance import oracle
from ghost_tf.framework import processor
from weights import ArgumentError

LAYER: dict[str, Any] = {"c_in": 4, "c_out": 10, "kernel_size": 3, "stride": (2, 1), "padding": 1}
EVERY_ARGUMENT: dict[str, Any] = {
    "c_in": 4,
    "c_out": 12,
    "kernel_size": [3, 2],
    "ratio": 3,
    "dw_kernel_size": 5,
    "stride": [2, 1],
    "padding": [0, 1],
    "dilation": [1, 2],
    "groups": 2,
    "split": "ceil",
    "activation": "silu",
    "bn_eps": 1e-3,
    "bn_momentum": 0.5,
}
TENSORS = tensors_of("ghost_conv", **LAYER)
X = normal(2, 7, 6, 4)


def loaded(config: dict[str, Any] = LAYER, **options: Any) -> Any:
    """A layer with random tensors."""
    layer = ghost_tf.GhostConv(**config, **options)
    ghost_tf.set_state(layer, tensors_of("ghost_conv", **config))
    return layer


def test_a_layer_has_no_variables_until_it_is_built() -> None:
    layer = ghost_tf.GhostConv(**LAYER)
    assert (layer.built, layer.variables) == (False, [])

    layer.build((None, 7, 6, 4))

    assert (layer.built, len(layer.trainable_variables), len(layer.variables)) == (True, 6, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("ghost_conv_v3", {"c_in": 4, "c_out": 8, "attention": True}),
        ("ghost_bottleneck", {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.5}),
        ("ghost_bottleneck", {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "branches": 2}),
        ("c3_ghost", {"c1": 4, "c2": 8}),
        ("ghost_resnet20", {}),
    ],
)
def test_building_creates_every_variable(architecture: str, config: dict[str, Any]) -> None:
    layer = ghost_tf.weights_io.ARCHITECTURES[architecture](**config)
    layer.build((None, 16, 16, layer.plan.input_channels))

    assert len(layer.weights) == len(list(layer.plan.tensors()))


def test_building_with_other_channels_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^the input must have `c_in` = 4 channels, got 3$"):
        ghost_tf.GhostConv(**LAYER).build((None, 7, 6, 3))


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2, 7, 6, 4), (2, 4, 6, 10)),
        ((None, 7, 6, 4), (None, 4, 6, 10)),
        ((None, None, 6, 4), (None, None, 6, 10)),
        ((None, None, None, 4), (None, None, None, 10)),
    ],
)
def test_unknown_sizes_stay_unknown_in_the_output_shape(
    shape: tuple[Any, ...], wanted: tuple[Any, ...]
) -> None:
    symbolic = ghost_tf.GhostConv(**LAYER)(keras.Input(batch_shape=shape))

    assert ghost_tf.GhostConv(**LAYER).compute_output_shape(shape) == wanted
    assert tuple(symbolic.shape) == wanted


def test_the_output_shape_of_a_network_is_that_of_its_logits() -> None:
    assert ghost_tf.GhostResNet20(7).compute_output_shape((None, 32, 32, 3)) == (None, 7)


@pytest.mark.parametrize("options", [{}, {"name": "ghost", "dtype": "mixed_bfloat16"}], ids=str)
def test_a_layer_is_the_same_from_its_configuration(options: dict[str, Any]) -> None:
    layer = ghost_tf.GhostConv(**EVERY_ARGUMENT, data_format="channels_first", **options)

    twin = ghost_tf.GhostConv.from_config(layer.get_config())

    assert twin.get_config() == layer.get_config()
    assert twin.config == EVERY_ARGUMENT
    assert (twin.name, twin.dtype_policy) == (layer.name, layer.dtype_policy)
    assert twin.data_format == "channels_first"


@pytest.mark.slow
def test_a_network_is_the_same_from_its_configuration() -> None:
    network = ghost_tf.GhostResNet20(7, split="ceil", bn_eps=1e-3, data_format="channels_first")

    twin = ghost_tf.GhostResNet20.from_config(network.get_config())

    assert twin.get_config() == network.get_config()
    assert (twin.config, twin.data_format) == (network.config, "channels_first")


@pytest.mark.parametrize("name", ["GhostConv", "GhostResNet20", "GhostResNet56"])
def test_keras_finds_the_class_by_its_registered_name(name: str) -> None:
    kind = getattr(ghost_tf, name)

    assert keras.saving.get_registered_object(f"ghost_tf>{name}") is kind


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_mixed_precision_computes_narrow_and_keeps_float32(policy: str, training: bool) -> None:
    layer = loaded(dtype=policy)

    output = layer(X, training=training)

    assert output.dtype.name == policy.removeprefix("mixed_")
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    wanted = loaded()(X, training=training)
    np.testing.assert_allclose(output.numpy().astype(np.float32), wanted, rtol=0.1, atol=0.1)


def test_a_float64_layer_computes_in_float64() -> None:
    tensors = {name: array.astype(np.float64) for name, array in TENSORS.items()}
    layer = ghost_tf.weights_io.build("ghost_conv", LAYER, tensors)
    truth = oracle.weights_io.build("ghost_conv", LAYER, tensors)

    output = layer(X.astype(np.float64)).numpy()

    assert output.dtype == np.float64
    wanted = truth(X.transpose(0, 3, 1, 2).astype(np.float64))
    np.testing.assert_allclose(output.transpose(0, 3, 1, 2), wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("changed", [{}, {"stride": 2, "dilation": 2, "kernel_size": 2}], ids=str)
def test_both_data_formats_give_the_same_numbers(changed: dict[str, Any], training: bool) -> None:
    last = loaded(LAYER | changed)
    first = loaded(LAYER | changed, data_format="channels_first")

    output = first(X.transpose(0, 3, 1, 2), training=training).numpy()

    wanted = last(X, training=training)
    np.testing.assert_allclose(output.transpose(0, 2, 3, 1), wanted, rtol=1e-5, atol=1e-5)
    for name, array in ghost_tf.state(first).items():
        np.testing.assert_allclose(array, ghost_tf.state(last)[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("changed", [{}, {"stride": 2, "dilation": 2, "kernel_size": 2}], ids=str)
def test_channels_first_needs_no_convolution_that_has_them_so(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(processor, "convolves_channels_first", lambda: False)
    first = loaded(LAYER | changed, data_format="channels_first")

    output = tf.function(first)(X.transpose(0, 3, 1, 2)).numpy()

    wanted = loaded(LAYER | changed)(X)
    np.testing.assert_allclose(output.transpose(0, 2, 3, 1), wanted, rtol=1e-5, atol=1e-5)


def test_the_data_format_is_kerass_own_by_default() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        layer = ghost_tf.GhostConv(**LAYER)
    finally:
        keras.config.set_image_data_format("channels_last")

    assert layer.data_format == "channels_first"
    assert ghost_tf.GhostConv(**LAYER).data_format == "channels_last"


@pytest.mark.parametrize("kind", [ghost_tf.GhostConv, ghost_tf.GhostResNet20])
def test_an_unknown_data_format_is_refused(kind: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        kind(3, 8, data_format="nchw")

    assert str(error.value) == (
        "`data_format` must be one of channels_last, channels_first, got 'nchw'"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"stride": 2, "dilation": 2},
        {"stride": (1, 3), "dilation": (2, 1)},
        {"c_in": 4, "c_out": 8, "groups": 2},
        {"c_in": 4, "c_out": 8, "groups": 4, "stride": 2, "dilation": (1, 2)},
    ],
    ids=str,
)
def test_stride_dilation_and_groups_go_together(changed: dict[str, Any]) -> None:
    config = LAYER | changed
    truth = oracle.weights_io.build("ghost_conv", config, tensors_of("ghost_conv", **config))

    output = loaded(config)(X).numpy()

    wanted = truth(X.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(output.transpose(0, 3, 1, 2), wanted, rtol=1e-4, atol=1e-4)


# Keras' own: it copies its variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
def test_a_deep_copy_is_equal_and_independent() -> None:
    layer = loaded()
    twin = copy.deepcopy(layer)

    assert_same_state(ghost_tf.state(twin), TENSORS)
    ghost_tf.set_state(twin, tensors_of("ghost_conv", seed=1, **LAYER))
    assert_same_state(ghost_tf.state(layer), TENSORS)
