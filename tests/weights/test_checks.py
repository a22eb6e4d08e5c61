"""Argument checks: every rule has one text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weights import ARCHITECTURES, ArgumentError, GhostError, checks, configure

PAIR = "must be an integer or a pair of integers (height, width)"
BAD_LAYERS = [
    ({"c_in": 0}, "`c_in` must be an integer of at least 1, got 0"),
    ({"c_in": 3.0}, "`c_in` must be an integer of at least 1, got 3.0"),
    ({"c_out": -4}, "`c_out` must be an integer of at least 1, got -4"),
    ({"c_out": "8"}, "`c_out` must be an integer of at least 1, got '8'"),
    ({"c_out": True}, "`c_out` must be an integer of at least 1, got True"),
    ({"ratio": 0}, "`ratio` must be a finite number above 0, got 0"),
    ({"ratio": -2}, "`ratio` must be a finite number above 0, got -2"),
    ({"ratio": float("nan")}, "`ratio` must be a finite number above 0, got nan"),
    ({"ratio": float("inf")}, "`ratio` must be a finite number above 0, got inf"),
    ({"ratio": "2"}, "`ratio` must be a finite number above 0, got '2'"),
    (
        {"dw_kernel_size": 4},
        "`dw_kernel_size` must be odd, got 4: an even kernel cannot keep the height and width",
    ),
    ({"dw_kernel_size": 0}, "`dw_kernel_size` must be an integer of at least 1, got 0"),
    ({"dw_kernel_size": (3, 3)}, "`dw_kernel_size` must be an integer of at least 1, got (3, 3)"),
    ({"kernel_size": 0}, "`kernel_size` must be at least 1, got 0"),
    ({"kernel_size": (3, 0)}, "`kernel_size` must be at least 1, got (3, 0)"),
    ({"kernel_size": (3,)}, f"`kernel_size` {PAIR}, got (3,)"),
    ({"kernel_size": (3, 3, 3)}, f"`kernel_size` {PAIR}, got (3, 3, 3)"),
    ({"kernel_size": 3.5}, f"`kernel_size` {PAIR}, got 3.5"),
    ({"stride": 0}, "`stride` must be at least 1, got 0"),
    ({"stride": (1, 0)}, "`stride` must be at least 1, got (1, 0)"),
    ({"stride": "12"}, f"`stride` {PAIR}, got '12'"),
    ({"padding": -1}, "`padding` must be at least 0, got -1"),
    ({"padding": "same"}, f"`padding` {PAIR}, got 'same'"),
    ({"padding": (0, 1.0)}, f"`padding` {PAIR}, got (0, 1.0)"),
    ({"dilation": 0}, "`dilation` must be at least 1, got 0"),
    ({"groups": 0}, "`groups` must be an integer of at least 1, got 0"),
    ({"groups": 3}, "`groups` must divide `c_in`, got 3 for 8"),
    ({"groups": 8}, "`groups` must divide the primary channels `c_int`, got 8 for 6"),
    ({"split": "half"}, "`split` must be one of round, ceil, floor, got 'half'"),
    (
        {"split": "ceil", "ratio": 1.5},
        "`ratio` must be an integer for split 'ceil', got 1.5: use split 'round'",
    ),
    (
        {"split": "floor", "ratio": 5},
        "`ratio` must divide `c_out` for split 'floor', got 5 for 12: use split 'round' or 'ceil'",
    ),
    (
        {"activation": "tanh"},
        "`activation` must be one of relu, relu6, silu, hard_swish, identity, leaky_relu:SLOPE, "
        "got 'tanh'",
    ),
    (
        {"activation": "leaky_relu:nan"},
        "`activation` must give a leaky relu's slope as a number above 0 and at most 1, such as "
        "'leaky_relu:0.1', got 'leaky_relu:nan'",
    ),
    ({"activation": None}, "`activation` must be one of relu, relu6, silu, hard_swish, identity"),
    ({"bn_eps": 0}, "`bn_eps` must be a finite number above 0, got 0"),
    ({"bn_momentum": 1.5}, "`bn_momentum` must be a finite number above 0 and at most 1, got 1.5"),
]
BAD_INPUTS = [
    (
        (2, 8, 5),
        "float32",
        "the input must have 4 axes (batch, channels, height, width, in the framework's order), "
        "got 3",
    ),
    ((2, 7, 5, 5), "float32", "the input must have `c_in` = 8 channels, got 7"),
    (
        (2, 8, 5, 5),
        "uint8",
        "the input must be of type float16, bfloat16, float32, float64, got uint8: cast it",
    ),
    (
        (2, 8, 5, 1),
        "float32",
        "`kernel_size` must fit into the padded input, got 5 rows or columns of kernel for 3 of "
        "width: enlarge the input or `padding`",
    ),
]


def layer(**changed: Any) -> Any:
    return configure("ghost_conv", {"c_in": 8, "c_out": 12} | changed)


@pytest.mark.parametrize(("changed", "text"), BAD_LAYERS)
def test_a_bad_argument_has_its_own_text(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        layer(**changed)

    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(("shape", "dtype", "text"), BAD_INPUTS)
def test_a_bad_input_has_its_own_text(shape: tuple[int, ...], dtype: str, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        layer(kernel_size=(3, 5), padding=1).check_input(shape, dtype)

    assert str(caught.value) == text


def test_training_on_a_single_value_per_channel_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        layer(kernel_size=5).check_input((1, 8, 5, 5), "float32", training=True)

    assert str(caught.value).startswith("training needs more than one value per channel")
    assert str(caught.value).endswith("use a larger batch or evaluation mode")


@pytest.mark.parametrize("shape", [(2, 8, 5, 5), (1, 8, 6, 5), (None, 8, None, None)])
def test_training_on_more_values_or_unknown_sizes_is_accepted(shape: tuple[Any, ...]) -> None:
    layer(kernel_size=5).check_input(shape, "bfloat16", training=True)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_every_kind_of_integer_becomes_a_plain_one(value: Any) -> None:
    assert type(checks.integer("c_out", value, minimum=1)) is int


@pytest.mark.parametrize("value", [3, (3, 3), [3, 3], (np.int64(3), 3)])
def test_an_integer_and_equal_sizes_are_the_same_pair(value: Any) -> None:
    assert checks.pair("stride", value, minimum=1) == (3, 3)


@pytest.mark.parametrize(
    ("architecture", "config", "text"),
    [
        (
            "ghostnetv4",
            {},
            f"`architecture` must be one of {', '.join(ARCHITECTURES)}, got 'ghostnetv4'",
        ),
        (
            "ghost_conv",
            {"c_in": 8},
            "the configuration of ghost_conv missing 1 required: give `c_out`",
        ),
        (
            "ghost_resnet20",
            {"width": 2},
            "the configuration of ghost_resnet20 got an unexpected keyword argument 'width': it "
            "has num_classes, ratio,",
        ),
        (
            "ghostnet",
            {"num_class": 10},
            "the configuration of ghostnet got an unexpected keyword argument 'num_class': is "
            "`num_classes` meant?",
        ),
        ("ghostnet", {3: 10}, "the configuration of ghostnet got an unexpected keyword argument 3"),
        (["ghostnet"], {}, "`architecture` must be one of ghost_conv, "),
        ("ghostnet", [("width", 1)], "`config` must map arguments to values, got [('width', 1)]"),
        ("ghost_bottleneck", {}, "the configuration of ghost_bottleneck missing 3 required: give"),
        (
            "ghost_resnet20",
            {"num_classes": -1},
            "`num_classes` must be an integer of at least 0, got -1",
        ),
    ],
)
def test_a_wrong_description_has_its_own_text(architecture: Any, config: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        configure(architecture, config)

    assert str(caught.value).startswith(text)


def test_every_error_is_a_value_error_of_the_project() -> None:
    assert issubclass(ArgumentError, GhostError) and issubclass(GhostError, ValueError)
