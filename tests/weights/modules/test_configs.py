"""Configurations: one spelling of every argument, and the tensors that follow from it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weights import ACTIVATIONS, ArgumentError, GhostConvConfig, configure
from weights.modules.ghost_conv import GhostConvV2Config
from weights.networks.resnet import GhostResNetConfig

SIZES = st.integers(1, 7)
PAIRS = SIZES | st.tuples(SIZES, SIZES)
LAYERS = st.fixed_dictionaries(
    {"c_in": st.integers(1, 64), "c_out": st.integers(1, 64)},
    optional={
        "kernel_size": PAIRS,
        "ratio": st.sampled_from([0.5, 1, 1.5, 2, 2.0, 3, 8]),
        "dw_kernel_size": st.sampled_from([1, 3, 5]),
        "stride": PAIRS,
        "padding": PAIRS,
        "dilation": PAIRS,
        "activation": st.sampled_from(ACTIVATIONS),
        "bn_eps": st.floats(1e-12, 1),
        "bn_momentum": st.floats(1e-6, 1),
    },
)
SPELLINGS = [
    ("kernel_size", (3, 3), 3),
    ("kernel_size", [3, 5], [3, 5]),
    ("stride", (1, 2), [1, 2]),
    ("padding", np.int64(2), 2),
    ("dilation", (2, 2), 2),
    ("ratio", 2.0, 2),
    ("ratio", 1.5, 1.5),
    ("ratio", np.float64(4), 4),
    ("bn_eps", np.float32(0.5), 0.5),
]


@given(LAYERS)
def test_a_layer_is_the_same_after_a_round_trip_through_json(arguments: dict[str, Any]) -> None:
    config = GhostConvConfig(**arguments)
    written = json.dumps(config.to_dict())

    assert configure("ghost_conv", json.loads(written)) == config
    assert json.loads(written) == config.to_dict()


@pytest.mark.parametrize("architecture", ["ghost_resnet20", "ghost_resnet56"])
def test_a_network_is_the_same_after_a_round_trip_through_json(architecture: str) -> None:
    config = configure(architecture, {"num_classes": 7, "ratio": 4.0, "split": "ceil"})

    assert configure(architecture, json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(("name", "value", "spelling"), SPELLINGS)
def test_every_argument_has_one_spelling(name: str, value: Any, spelling: Any) -> None:
    written = configure("ghost_conv", {"c_in": 8, "c_out": 12, name: value}).to_dict()[name]

    assert written == spelling and type(written) is type(spelling)


def test_the_defaults_are_those_of_the_contract() -> None:
    assert configure("ghost_conv", {"c_in": 8, "c_out": 12}).to_dict() == {
        "c_in": 8,
        "c_out": 12,
        "kernel_size": 1,
        "ratio": 2,
        "dw_kernel_size": 3,
        "stride": 1,
        "padding": 0,
        "dilation": 1,
        "groups": 1,
        "split": "round",
        "activation": "relu",
        "bn_eps": 1e-5,
        "bn_momentum": 0.1,
    }


def test_what_came_later_is_written_only_where_it_is_not_the_default() -> None:
    later = {"bias": True, "form": "folded"}
    with_later = configure("ghost_conv", {"c_in": 8, "c_out": 12} | later).to_dict()

    assert with_later == GhostConvConfig(8, 12).to_dict() | later


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        GhostConvConfig(8, 12).ratio = 3  # type: ignore[misc]


def test_names_kinds_and_shapes_of_a_layer_are_golden() -> None:
    config = GhostConvConfig(8, 12, (3, 5), ratio=3, dw_kernel_size=7, groups=2)
    found = [(spec.name, spec.kind, spec.shape) for spec in config.tensors()]

    assert found == [
        ("primary_conv.0.weight", "convolution", (4, 4, 3, 5)),
        ("primary_conv.1.weight", "norm_weight", (4,)),
        ("primary_conv.1.bias", "norm_bias", (4,)),
        ("primary_conv.1.running_mean", "running_mean", (4,)),
        ("primary_conv.1.running_var", "running_var", (4,)),
        ("cheap_conv.0.weight", "depthwise", (8, 1, 7, 7)),
        ("cheap_conv.1.weight", "norm_weight", (8,)),
        ("cheap_conv.1.bias", "norm_bias", (8,)),
        ("cheap_conv.1.running_mean", "running_mean", (8,)),
        ("cheap_conv.1.running_var", "running_var", (8,)),
    ]


def test_a_bias_is_that_of_both_halves_and_not_of_the_attention() -> None:
    kinds = [(spec.name, spec.kind) for spec in GhostConvV2Config(8, 12, bias=True).tensors()]

    assert [name for name, kind in kinds if kind == "convolution_bias"] == [
        "primary_conv.0.bias",
        "cheap_conv.0.bias",
    ]


@pytest.mark.parametrize("ratio", [1, 0.5])
def test_a_ratio_up_to_one_has_no_cheap_tensors(ratio: float) -> None:
    names = [spec.name for spec in GhostConvConfig(8, 12, ratio=ratio).tensors()]

    assert [name for name in names if not name.startswith("primary_conv.")] == []


@pytest.mark.parametrize(("depth", "parameters"), [(20, 140346), (56, 442074)])
def test_the_trainable_parameters_of_a_network_are_golden(depth: int, parameters: int) -> None:
    specs = GhostResNetConfig(depth).tensors()

    assert sum(int(np.prod(spec.shape)) for spec in specs if spec.trainable) == parameters


def test_a_depth_that_gives_unequal_stages_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        GhostResNetConfig(57)

    assert str(caught.value) == "`depth` must be 6n + 2 (8, 14, 20, ... 56), got 57"


def test_a_network_refuses_a_ratio_that_its_convolutions_refuse() -> None:
    with pytest.raises(ArgumentError) as caught:
        configure("ghost_resnet20", {"split": "floor", "ratio": 3})

    assert str(caught.value).startswith("`ratio` must divide `c_out` for split 'floor', got 3")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 9, 8), (2, 12, 5, 2)), ((None, None, 8), (None, 12, None, 2))],
)
def test_the_output_shape_follows_from_kernel_stride_and_padding(
    shape: tuple[Any, ...], expected: tuple[Any, ...]
) -> None:
    config = GhostConvConfig(8, 12, (3, 5), stride=(2, 3), padding=(1, 0))

    assert config.output_shape(*shape) == expected


@pytest.mark.parametrize(
    ("architecture", "config", "least"),
    [
        ("ghost_conv", {"c_in": 4, "c_out": 8}, 1),
        ("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": [3, 5], "padding": [2, 0]}, 5),
        ("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": 3, "dilation": 20}, 41),
        ("ghost_conv_v2", {"c_in": 4, "c_out": 8}, 2),
        ("ghostnetv2", {}, 33),
    ],
)
def test_the_least_size_is_the_first_that_a_module_takes(
    architecture: str, config: dict[str, Any], least: int
) -> None:
    plan = configure(architecture, config)

    assert plan.minimum_size == least
    plan.check_input((2, plan.input_channels, least, least), "float32")
