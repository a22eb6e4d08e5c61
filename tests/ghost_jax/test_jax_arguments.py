"""What JAX alone is given, types, random numbers, arrays, is refused in words of this project."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ghost_jax import GhostConv, SqueezeExcite
from weights import ArgumentError

NO_TYPE = "must be of type float16, bfloat16, float32, float64, got"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": jnp.int8}, f"`dtype` {NO_TYPE} int8: cast it"),
        ({"param_dtype": jnp.complex64}, f"`param_dtype` {NO_TYPE} complex64: cast it"),
        ({"param_dtype": "x"}, "`param_dtype` must be a type such as jnp.float32, got 'x'"),
        ({"dtype": 10**30}, f"`dtype` must be a type such as jnp.float32, got {10**30}"),
        ({"rngs": None}, "`rngs` must be nnx.Rngs, got NoneType: pass nnx.Rngs(0), for example"),
        ({"rngs": 0}, "`rngs` must be nnx.Rngs, got int: pass nnx.Rngs(0), for example"),
    ],
)
def test_types_and_random_numbers_that_are_none_are_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as error:
        GhostConv(3, 8, **{"rngs": nnx.Rngs(0), **arguments})

    assert str(error.value) == message


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


def test_an_empty_batch_gives_an_empty_batch() -> None:
    layer = nnx.view(GhostConv(3, 8, rngs=nnx.Rngs(0)), use_running_average=True)

    assert layer(np.zeros((0, 5, 5, 3), np.float32)).shape == (0, 5, 5, 8)
