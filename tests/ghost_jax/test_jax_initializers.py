"""First values: those of JAX's own generator, without a program for each shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ghost_jax
from ghost_jax.framework.initializers import constant, uniform
from weights.threefry import BLOCK

COMPILED = "/jax/core/compile/backend_compile_duration"
SHAPES = [(), (3,), (0, 3), (5, 5, 1, 120), (3, BLOCK // 2 + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_the_values_are_those_of_jax(seed: int, shape: tuple[int, ...], dtype: Any) -> None:
    key = jax.random.fold_in(jax.random.key(seed), 5)
    wanted = jax.random.uniform(key, shape, dtype, -1 / 7, 1 / 7)
    got = uniform(1 / 7)(key, shape, dtype)

    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    assert np.asarray(got).tobytes() == np.asarray(wanted).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["rbg", "unsafe_rbg"])
def test_another_generator_is_followed(implementation: str) -> None:
    key = jax.random.key(0, impl=implementation)
    wanted = jax.random.uniform(key, (4, 5), jnp.float32, -1.0, 1.0)

    np.testing.assert_array_equal(uniform(1.0)(key, (4, 5), jnp.float32), wanted)


def conv(rngs: nnx.Rngs) -> Any:
    return nnx.state(ghost_jax.GhostConv(4, 8, rngs=rngs))


@pytest.mark.slow
def test_a_layer_made_under_jit_has_the_same_values() -> None:
    wanted, got = conv(nnx.Rngs(3)), nnx.jit(conv)(nnx.Rngs(3))

    jax.tree.map(np.testing.assert_array_equal, wanted, got)


@pytest.mark.slow
def test_a_key_from_outside_of_jit_gives_the_same_values() -> None:
    key = jax.random.key(3)
    wanted = uniform(1.0)(key, (4, 5), jnp.float32)

    got = jax.jit(lambda: uniform(1.0)(key, (4, 5), jnp.float32))()

    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("make", [uniform(1.0), constant(2)], ids=["uniform", "constant"])
def test_no_transfer_is_implicit(make: Callable[..., jax.Array]) -> None:
    key = jax.random.key(0)
    with jax.transfer_guard("disallow"):
        made = make(key, (2, 3), jnp.float32)

    assert made.shape == (2, 3)


def test_another_shape_compiles_no_program() -> None:
    ghost_jax.GhostConv(4, 8, rngs=nnx.Rngs(0))  # compiles what makes a key of another
    compiled: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, _, **__: compiled.append(event)
    )
    try:
        ghost_jax.GhostConv(37, 94, 5, bias=True, rngs=nnx.Rngs(0))
        programs = compiled.count(COMPILED)
        jnp.zeros((37, 94, 1))
    finally:
        jax.monitoring.clear_event_listeners()

    assert programs == 0
    assert compiled.count(COMPILED) == 1
