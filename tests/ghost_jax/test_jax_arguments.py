"""What JAX alone is given, types, random numbers, arrays, is refused in words of this project."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ghost_jax import GhostConv, GhostNet, GhostVGG16, SqueezeExcite
from weights import ArgumentError

NO_TYPE = "must be of type float16, bfloat16, float32, float64, got"

NO_STREAM = (
    "`rngs` must have a stream named {} or default, got {}: pass nnx.Rngs(0) or "
    "nnx.Rngs(params=0, dropout=1), for example"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": jnp.int8}, f"`dtype` {NO_TYPE} int8: cast it"),
        ({"param_dtype": jnp.complex64}, f"`param_dtype` {NO_TYPE} complex64: cast it"),
        ({"param_dtype": "x"}, "`param_dtype` must be a type such as jnp.float32, got 'x'"),
        ({"dtype": 10**30}, f"`dtype` must be a type such as jnp.float32, got {10**30}"),
        ({"rngs": None}, "`rngs` must be nnx.Rngs, got NoneType: pass nnx.Rngs(0), for example"),
        ({"rngs": 0}, "`rngs` must be nnx.Rngs, got int: pass nnx.Rngs(0), for example"),
        (
            {"rngs": nnx.Rngs(0)["params"]},
            "`rngs` must be nnx.Rngs, got RngStream: pass nnx.Rngs(0), for example",
        ),
        ({"rngs": nnx.Rngs(dropout=0)}, NO_STREAM.format("params", "dropout")),
        ({"rngs": nnx.Rngs()}, NO_STREAM.format("params", "none")),
    ],
)
def test_types_and_random_numbers_that_are_none_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as error:
        GhostConv(3, 8, **{"rngs": nnx.Rngs(0), **arguments})

    assert str(error.value) == message


@pytest.mark.slow
@pytest.mark.parametrize("kind", [GhostConv, SqueezeExcite])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (None, "the input must be an array of JAX or NumPy, got NoneType: use jnp.asarray"),
        ([[1.0]], "the input must be an array of JAX or NumPy, got list: use jnp.asarray"),
        (jnp.zeros((1, 4, 4, 3), jnp.complex64), f"the input {NO_TYPE} complex64: cast it"),
        (jnp.zeros((1, 4, 4, 3), jnp.float8_e4m3fn), f"the input {NO_TYPE} float8_e4m3fn: cast it"),
    ],
    ids=["None", "list", "complex64", "float8"],
)
def test_an_input_that_a_convolution_cannot_take_is_refused(
    kind: Any, x: Any, message: str
) -> None:
    arguments = (3, 8) if kind is GhostConv else (3, 1.0)
    with pytest.raises(ArgumentError) as error:
        kind(*arguments, rngs=nnx.Rngs(0))(x)

    assert str(error.value) == message


@pytest.mark.parametrize("kind", [GhostNet, partial(GhostVGG16, dropout=0.5)], ids=["V1", "VGG"])
def test_dropout_without_a_stream_of_its_own_is_refused(kind: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        kind(rngs=nnx.Rngs(params=0))

    assert str(error.value) == NO_STREAM.format("dropout", "params")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rngs"),
    [
        (GhostVGG16, {"params": 0}),
        (partial(GhostNet, dropout=0.0), {"params": 0}),
        (GhostNet, {"params": 0, "dropout": 1}),
    ],
    ids=["VGG", "V1 without", "V1"],
)
def test_the_streams_that_a_network_needs_are_enough(kind: Any, rngs: dict[str, int]) -> None:
    network = nnx.eval_shape(lambda: kind(rngs=nnx.Rngs(**rngs)))

    assert (network.dropout.rngs is None) is (network.dropout.rate == 0)


def test_an_empty_batch_gives_an_empty_batch() -> None:
    layer = nnx.view(GhostConv(3, 8, rngs=nnx.Rngs(0)), use_running_average=True)

    assert layer(np.zeros((0, 5, 5, 3), np.float32)).shape == (0, 5, 5, 8)
