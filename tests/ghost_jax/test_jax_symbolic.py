"""Modules export once for all batches, heights and widths, and compute what they compute here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("flax")
pytest.importorskip("flatbuffers")

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export

from ghost_jax.layers import resize_like
from tests.ghost_jax.symbolic_exports import (
    LAYERS,
    NETWORKS,
    Export,
    largest_error,
    through_jax_export,
    through_tensorflow,
)
from weights import arithmetic

pytestmark = pytest.mark.slow

ALLOWED = 1e-4


# Compiling takes seconds, for every size anew: `python -m tests.ghost_jax.symbolic_exports` holds
# every module against its exports.
QUICK = [case for case in LAYERS if case.architecture in ("ghost_conv", "squeeze_excite")]
COMPARED = [
    case
    for case in NETWORKS
    if case.config["form"] == "folded" and case.architecture != "ghost_resnet56"
]
TRAINING_FORMS = [case for case in NETWORKS if case.config["form"] == "training"]
# TensorFlow takes minutes to compile a network.
IN_TENSORFLOW = (LAYERS[3], LAYERS[7], LAYERS[15])


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_a_layer_exports_with_symbols_for_sizes(case: Export) -> None:
    assert largest_error(case, through_jax_export) < ALLOWED


@pytest.mark.matrix
@pytest.mark.parametrize("case", [each for each in LAYERS if each not in QUICK], ids=str)
def test_a_larger_layer_exports_with_symbols_for_sizes(case: Export) -> None:
    assert largest_error(case, through_jax_export) < ALLOWED


@pytest.mark.matrix
@pytest.mark.parametrize("case", COMPARED, ids=str)
def test_a_network_exports_with_symbols_for_sizes(case: Export) -> None:
    assert largest_error(replace(case, sizes=case.sizes[1:]), through_jax_export) < ALLOWED


@pytest.mark.matrix
@pytest.mark.parametrize(
    "case", [each for each in NETWORKS if each.config["form"] == "training"], ids=str
)
def test_a_network_in_training_form_exports_too(case: Export) -> None:
    through_jax_export(case.module(), (64, 64))


@pytest.mark.matrix
@pytest.mark.parametrize("case", IN_TENSORFLOW, ids=str)
def test_a_module_becomes_a_function_of_tensorflow_with_unknown_sizes(case: Export) -> None:
    pytest.importorskip("tensorflow")

    assert largest_error(case, through_tensorflow) < ALLOWED


def test_a_training_step_exports_with_symbols_for_sizes() -> None:
    layer = LAYERS[2].module()
    layer.train()
    graph, state = nnx.split(layer)

    def step(x: jax.Array) -> Any:
        merged = nnx.merge(graph, state, copy=True)
        return merged(x), jax.tree.leaves(nnx.state(merged, nnx.BatchStat))

    symbols = export.symbolic_shape("b, h, w", constraints=["h >= 8", "w >= 8"])
    x = jax.ShapeDtypeStruct((*symbols, 3), jnp.float32)
    exported = export.export(jax.jit(step))(x)

    given = LAYERS[2].inputs(layer)[1]
    for got, wanted in zip(*map(jax.tree.leaves, (exported.call(given), step(given))), strict=True):
        assert float(jnp.abs(got - wanted).max()) < ALLOWED


def test_resizing_to_a_size_that_is_a_symbol_keeps_the_rule() -> None:
    size, wanted = export.symbolic_shape("size, wanted")
    shapes = [jax.ShapeDtypeStruct((1, each, each, 1), jnp.float32) for each in (size, wanted)]
    resize = export.export(jax.jit(resize_like))(*shapes).call

    for source in (1, 3, 56):
        positions = jnp.arange(source, dtype=jnp.float32)
        x = jnp.broadcast_to(positions[None, :, None, None], (1, source, source, 1))
        for target in (1, 5, 113):
            rows = resize(x, jnp.zeros((1, target, target, 1)))[0, :, 0, 0]
            rule = [arithmetic.nearest_source(i, source, target) for i in range(target)]
            assert rows.astype(int).tolist() == rule
