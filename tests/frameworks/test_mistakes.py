"""The same mistake: the same exception type and the same text in every framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.columns import (
    Column,
    assert_same_state,
    in_every_column,
    small_network,
    tensors_of,
    with_ids,
)
from tests.frameworks.mistakes import ARGUMENTS, INPUTS, NETWORK_ARGUMENTS, RIGHT
from weights import ArgumentError, GhostError


@in_every_column
@pytest.mark.parametrize(("changed", "text"), with_ids(ARGUMENTS))
def test_a_bad_argument_of_a_layer(column: Column, changed: dict[str, Any], text: str) -> None:
    with pytest.raises(GhostError) as error:
        column.make("GhostConv", **(RIGHT | changed))

    assert (type(error.value), str(error.value)) == (ArgumentError, text)


@in_every_column
@pytest.mark.parametrize(("changed", "text"), with_ids(NETWORK_ARGUMENTS))
def test_a_bad_argument_of_a_network(column: Column, changed: dict[str, Any], text: str) -> None:
    with pytest.raises(GhostError) as error:
        column.make("GhostResNet20", **changed)

    assert (type(error.value), str(error.value)) == (ArgumentError, text)


@in_every_column
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize(("shape", "dtype", "text"), with_ids(INPUTS))
def test_a_bad_input_of_a_layer(
    column: Column, shape: tuple[int, ...], dtype: str, text: str, training: bool
) -> None:
    tensors = tensors_of("ghost_conv", **RIGHT)
    layer = column.load("ghost_conv", tensors, **RIGHT)

    with pytest.raises(GhostError) as error:
        column.run(layer, np.zeros(shape, dtype), training=training)

    assert (type(error.value), str(error.value)) == (ArgumentError, text)
    assert_same_state(column.package.state(layer), tensors)


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize(
    ("shape", "dtype", "text"),
    [
        ((2, 1, 32, 32), "float32", "the input must have `in_chans` = 3 channels, got 1"),
        (
            (2, 3, 32, 32),
            "complex64",
            "the input must be of type float16, bfloat16, float32, float64, got complex64: cast it",
        ),
    ],
    ids=["channels", "complex"],
)
def test_a_bad_input_of_a_network(
    column: Column, shape: tuple[int, ...], dtype: str, text: str
) -> None:
    with pytest.raises(GhostError) as error:
        column.run(small_network(column), np.zeros(shape, dtype))

    assert (type(error.value), str(error.value)) == (ArgumentError, text)


@in_every_column
def test_a_rule_is_broken_by_no_right_layer(column: Column) -> None:
    layer = column.load("ghost_conv", tensors_of("ghost_conv", **RIGHT), **RIGHT)

    assert column.run(layer, np.zeros((2, 6, 9, 9), np.float32)).shape == (2, 8, 5, 5)
