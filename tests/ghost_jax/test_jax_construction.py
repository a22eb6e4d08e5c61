"""How layers are made: first values without a program for each shape, layers after a first one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ghost_jax
from ghost_jax.framework.batch_norm import INITS, BatchNorm
from ghost_jax.framework.flax_layers import Convolution
from ghost_jax.framework.initializers import constant, uniform
from ghost_jax.framework.prototypes import AbstractRngs, from_prototype, prototype
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
    assert compiled.count(COMPILED) > 0  # of the zeros: programs are heard of


DRAWN = {"kernel": uniform(0.5), "bias": uniform(0.5)}
TYPES = {"dtype": jnp.bfloat16, "param_dtype": jnp.float32}
KINDS = [
    pytest.param(
        Convolution, DRAWN, (4, 6, (3, 3)), {"strides": (2, 2), **TYPES}, id="convolution"
    ),
    pytest.param(Convolution, DRAWN, (4, 6, (1, 1)), {"use_bias": False}, id="without bias"),
    pytest.param(nnx.Linear, DRAWN, (4, 6), TYPES, id="linear"),
    pytest.param(BatchNorm, INITS, (6, 1e-3, 0.1), {"axis_name": "batch"}, id="norm"),
]
in_every_kind = pytest.mark.parametrize(("kind", "inits", "arguments", "options"), KINDS)


def attributes(layer: nnx.Module) -> dict[str, Any]:
    """All attributes of a layer, with the values of variables as bytes."""
    values = {name: value for name, value in vars(layer).items() if "_pytree__state" not in name}
    return {
        name: (type(value), value.get_metadata(), np.asarray(value[...]).tobytes())
        if isinstance(value, nnx.Variable)
        else value
        for name, value in values.items()
    }


@in_every_kind
def test_a_layer_is_what_its_constructor_makes(
    kind: Callable[..., Any], inits: Any, arguments: Any, options: Any
) -> None:
    named = {f"{name}_init": init for name, init in inits.items()}
    constructed, made = nnx.Rngs(7), nnx.Rngs(7)
    wanted = [kind(*arguments, rngs=constructed, **named, **options) for _ in range(2)]
    got = [from_prototype(kind, inits, *arguments, rngs=made, **options) for _ in range(2)]

    assert [attributes(each) for each in got] == [attributes(each) for each in wanted]
    assert made.params.count[...] == constructed.params.count[...]


@in_every_kind
def test_without_values_a_layer_has_types_and_shapes_alone(
    kind: Callable[..., Any], inits: Any, arguments: Any, options: Any
) -> None:
    made = from_prototype(kind, inits, *arguments, rngs=nnx.Rngs(0), **options)
    empty = from_prototype(kind, inits, *arguments, rngs=AbstractRngs(), **options)

    wanted = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), nnx.state(made))
    assert nnx.to_pure_dict(nnx.state(empty)) == nnx.to_pure_dict(wanted)


def test_what_is_done_to_one_layer_is_not_done_to_another() -> None:
    one, other = (ghost_jax.GhostConv(4, 8, rngs=nnx.Rngs(0)) for _ in range(2))
    wanted = jax.tree.map(jnp.copy, nnx.state(other))

    one.set_attributes(dtype=jnp.bfloat16, use_running_average=True)
    one.primary_conv.conv.kernel[...] *= 0
    one.primary_conv.norm.mean[...] += 1
    one.primary_conv.conv.kernel.set_metadata(note="changed")

    jax.tree.map(np.testing.assert_array_equal, nnx.state(other), wanted)
    assert other.primary_conv.conv.dtype is None
    assert other.primary_conv.norm.use_running_average is False
    assert "note" not in other.primary_conv.conv.kernel.get_metadata()


@pytest.mark.slow
def test_a_first_layer_under_a_transformation_leaves_nothing_of_it_behind() -> None:
    prototype.cache_clear()

    nnx.jit(lambda rngs: ghost_jax.GhostConv(4, 8, rngs=rngs))(nnx.Rngs(0))
    layer = ghost_jax.GhostConv(4, 8, rngs=nnx.Rngs(0))

    layer.primary_conv.norm.mean[...] += 1
    assert layer(jnp.ones((1, 2, 2, 4))).shape == (1, 2, 2, 8)


SETTINGS = [
    lambda: nnx.use_eager_sharding(not nnx.using_eager_sharding()),
    lambda: nnx.var_defaults(ref=True),
    lambda: nnx.var_defaults(hijax=True),
]


@pytest.mark.skipif(not hasattr(nnx, "var_defaults"), reason="this Flax has no such settings")
@pytest.mark.parametrize("setting", SETTINGS, ids=["sharding", "references", "hijax"])
def test_variables_have_the_settings_of_flax(setting: Callable[[], Any]) -> None:
    ghost_jax.GhostConv(4, 8, rngs=nnx.Rngs(0))
    with setting():
        wanted = nnx.Param(jnp.zeros(3))
        layer = ghost_jax.GhostConv(4, 8, rngs=nnx.Rngs(0))

    conv: Any = layer.primary_conv.conv
    assert type(conv.kernel) is type(wanted)
    assert conv.kernel.get_metadata() == wanted.get_metadata()


def test_types_that_are_equal_under_several_names_stay_what_they_are() -> None:
    types = [jnp.float32, np.dtype("float32"), np.float32]
    layers = [ghost_jax.GhostConv(4, 8, param_dtype=each, rngs=nnx.Rngs(0)) for each in types]

    assert [type(each.primary_conv.conv.param_dtype) for each in layers] == [*map(type, types)]
