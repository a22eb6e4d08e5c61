"""`native_convolutions`: only operations that every reader of JAX's programs knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.columns import normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend.core import ClosedJaxpr, Jaxpr

import ghost_jax
from ghost_jax.framework.abstract import abstract
from ghost_jax.weights_io import ARCHITECTURES

pytestmark = pytest.mark.slow

SMALL = {"width": 0.1, "num_classes": 3}
# Of our own convolutions on a CPU; other programs seldom know them.
OURS = {"platform_index", "optimization_barrier", "cond", "scan", "checkpoint", "custom_jvp_call"}
FOLDED: list[tuple[str, dict[str, Any], int]] = [
    ("ghost_conv", {"c_in": 3, "c_out": 5, "stride": 2}, 8),
    ("ghost_conv", {"c_in": 3, "c_out": 5, "ratio": 1, "kernel_size": 3}, 8),
    ("ghost_conv_v2", {"c_in": 3, "c_out": 6}, 8),
    ("ghost_conv_v3", {"c_in": 3, "c_out": 6, "attention": True}, 8),
    ("ghost_bottleneck", {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.25}, 8),
    ("c3_ghost", {"c1": 8, "c2": 8}, 8),
    ("ghost_resnet20", {}, 32),
    ("ghost_vgg16", {}, 32),
    ("ghostnet", SMALL, 64),
    ("ghostnetv2", SMALL, 64),
    ("ghostnetv3", SMALL, 64),
]


def primitives(jaxpr: Jaxpr) -> Iterator[str]:
    """The names of all operations, also of those inside others."""
    for equation in jaxpr.eqns:
        inner = [
            each.jaxpr if isinstance(each, ClosedJaxpr) else each
            for value in equation.params.values()
            for each in (value if isinstance(value, (tuple, list)) else (value,))
            if isinstance(each, (ClosedJaxpr, Jaxpr))
        ]
        yield equation.primitive.name
        for each in inner:
            yield from primitives(each)


def operations(module: Any, size: int) -> set[str]:
    """The operations of a module in evaluation, but for those that only name a function."""
    x = jax.ShapeDtypeStruct((1, size, size, module.plan.input_channels), jnp.float32)
    graph, state = nnx.split(module)
    traced = jax.make_jaxpr(lambda state, x: nnx.merge(graph, state, copy=True)(x))(state, x)
    return set(primitives(traced.jaxpr))


@pytest.mark.parametrize(("architecture", "config", "size"), FOLDED, ids=lambda value: str(value))
def test_convolutions_asked_to_be_native_are_xlas_own(
    architecture: str, config: dict[str, Any], size: int
) -> None:
    module = abstract(ARCHITECTURES[architecture], {**config, "form": "folded"}, np.dtype("f4"))
    module.eval()
    module.set_attributes(native_convolutions=True)

    found = operations(module, size)

    assert "conv_general_dilated" in found
    assert found & (OURS - {"custom_jvp_call"}) == set()


def test_the_operations_of_a_native_layer_are_these() -> None:
    module = abstract(ARCHITECTURES["ghost_conv"], {"c_in": 3, "c_out": 5}, np.dtype("f4"))
    module.eval()
    ordinary = operations(module, 8)
    module.set_attributes(native_convolutions=True)

    assert ordinary >= {"platform_index", "optimization_barrier"}
    assert operations(module, 8) == {
        "add", "broadcast_in_dim", "concatenate", "conv_general_dilated", "custom_jvp_call", "div",
        "jit", "max", "mul", "slice", "sqrt", "sub",
    }  # fmt: skip


def test_a_native_layer_computes_what_it_computed() -> None:
    config = {"c_in": 3, "c_out": 5, "stride": 2}
    layer = ghost_jax.weights_io.build("ghost_conv", config, tensors_of("ghost_conv", **config))
    layer.eval()
    x = jnp.asarray(normal(2, 7, 6, 3))
    native = nnx.view(layer, native_convolutions=True)

    np.testing.assert_allclose(native(x), layer(x), rtol=1e-5, atol=1e-5)


def test_a_compiled_function_tells_a_native_layer_from_another() -> None:
    traced = []

    @nnx.jit
    def call(layer: Any, x: jax.Array) -> jax.Array:
        traced.append(layer.primary_conv.conv.native_convolutions)
        return layer(x)

    layer = ghost_jax.weights_io.build(
        "ghost_conv", {"c_in": 3, "c_out": 5}, tensors_of("ghost_conv", c_in=3, c_out=5)
    )
    for _ in range(2):
        call(layer, jnp.ones((1, 4, 4, 3)))
        call(nnx.view(layer, native_convolutions=True), jnp.ones((1, 4, 4, 3)))

    assert traced == [False, True]


def test_deploy_keeps_native_convolutions() -> None:
    layer = ghost_jax.weights_io.build(
        "ghost_conv", {"c_in": 3, "c_out": 5}, tensors_of("ghost_conv", c_in=3, c_out=5)
    )
    layer.set_attributes(native_convolutions=True)

    assert ghost_jax.deploy(layer).cheap_conv.conv.native_convolutions
