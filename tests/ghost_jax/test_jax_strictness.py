"""JAX's strict settings for ranks and types, and transformations where values are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.columns import normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from ghost_jax.framework.abstract import abstract
from ghost_jax.weights_io import ARCHITECTURES
from weights import ArgumentError

pytestmark = pytest.mark.slow

V3 = {"c_in": 3, "c_out": 6, "kernel_size": 3, "attention": True, "activation": "silu"}
BLOCK = {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.25, "attention": True}
SMALL = {"width": 0.1, "num_classes": 3}
FORMS = ("training", "folded")
MODULES: list[Any] = [
    *(("ghost_conv", {"c_in": 3, "c_out": 5, "stride": 2, "form": form}, 8) for form in FORMS),
    ("ghost_conv", {"c_in": 4, "c_out": 8, "kernel_size": 3, "activation": "hard_swish"}, 8),
    ("ghost_conv_v2", {"c_in": 3, "c_out": 6, "activation": "relu6"}, 8),
    *(("ghost_conv_v3", {**V3, "form": form}, 8) for form in ("training", "deployed", "folded")),
    ("squeeze_excite", {"channels": 8}, 8),
    *(("ghost_bottleneck", {**BLOCK, "form": form}, 8) for form in FORMS),
    ("ghost_bottleneck", {**BLOCK, "branches": 2}, 8),
    ("c3_ghost", {"c1": 8, "c2": 8}, 8),
    *(
        pytest.param(name, config, size, marks=pytest.mark.matrix, id=name)
        for name, config, size in (
            ("ghost_resnet20", {}, 32),
            ("ghost_vgg16", {"dropout": 0.5}, 32),
            ("ghostnetv2", {**SMALL, "form": "folded"}, 64),
            ("ghostnetv3", SMALL, 64),
        )
    ),
]


@pytest.fixture
def strict() -> Iterator[None]:
    """Nothing is broadcast to another rank or promoted to another type without being told."""
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize(("architecture", "config", "size"), MODULES)
def test_forward_and_gradient_say_every_promotion(
    architecture: str, config: dict[str, Any], size: int, dtype: Any
) -> None:
    module = abstract(ARCHITECTURES[architecture], config, jnp.dtype(dtype))
    ghost_jax.framework.abstract.seed_dropout(module, nnx.Rngs(0))
    module.train() if config.get("form", "training") == "training" else module.eval()
    graph, parameters, rest = nnx.split(module, nnx.Param, ...)

    def loss(parameters: Any, rest: Any, x: jax.Array) -> jax.Array:
        return jnp.square(nnx.merge(graph, parameters, rest, copy=True)(x)).sum()

    x = jax.ShapeDtypeStruct((2, size, size, module.plan.input_channels), dtype)
    gradients = jax.eval_shape(jax.grad(loss, argnums=(0, 2)), parameters, rest, x)

    assert {leaf.dtype for leaf in jax.tree.leaves(gradients)} == {jnp.dtype(dtype)}


@pytest.mark.usefixtures("strict")
def test_a_stored_statistic_is_promoted_on_purpose() -> None:
    layer = layers_of("ghost_conv")
    layer.train()

    assert layer(jnp.asarray(normal(2, 5, 5, 3))).dtype == jnp.float32


def layers_of(architecture: str) -> Any:
    """A layer with random tensors."""
    config = {"c_in": 3, "c_out": 5}
    return ghost_jax.weights_io.build(architecture, config, tensors_of(architecture, **config))


ACTS: dict[str, Callable[[Any, Path], Any]] = {
    "state": lambda layer, folder: ghost_jax.state(layer),
    "save_weights": lambda layer, folder: ghost_jax.save_weights(layer, folder / "new"),
    "load_weights": lambda layer, folder: ghost_jax.load_weights(layer, folder / "layer"),
    "set_state": lambda layer, folder: ghost_jax.set_state(
        layer, tensors_of("ghost_conv", c_in=3, c_out=5)
    ),
    "deploy": lambda layer, folder: ghost_jax.deploy(layer),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("transformation", ["jax.jit", "nnx.jit", "grad", "vmap"])
def test_weights_go_in_and_out_where_there_are_values_only(
    act: str, transformation: str, tmp_path: Path
) -> None:
    layer = layers_of("ghost_conv")
    ghost_jax.save_weights(layer, tmp_path / "layer")
    graph, state = nnx.split(layer)

    def inside(state: Any) -> Any:
        merged = nnx.merge(graph, state, copy=True)
        ACTS[act](merged, tmp_path)
        return jax.tree.leaves(nnx.state(merged))[0].sum()

    with pytest.raises(ArgumentError) as error:
        match transformation:
            case "jax.jit":
                jax.jit(inside)(state)
            case "nnx.jit":
                nnx.jit(lambda layer: ACTS[act](layer, tmp_path))(layer)
            case "grad":
                jax.grad(inside)(state)
            case "vmap":
                stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), state)
                jax.vmap(inside)(stacked)

    assert str(error.value) == (
        "`module` must hold values, got one inside jit, grad or another transformation of JAX: "
        "let its weights in or out outside of that"
    )
    assert not (tmp_path / "new").exists()
