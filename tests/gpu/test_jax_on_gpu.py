"""Flax modules on an NVIDIA GPU: they answer as on the processor, and their files are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
from flax import nnx

import ghost_jax

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() != "gpu", reason="JAX sees no GPU here"),
]
MODULES: dict[str, Callable[[], Any]] = {
    "GhostConv": lambda: ghost_jax.GhostConv(8, 12, rngs=nnx.Rngs(0)),
    "GhostNet": lambda: ghost_jax.GhostNet(0.5, num_classes=10, rngs=nnx.Rngs(0)),
    "GhostResNet20": lambda: ghost_jax.GhostResNet20(rngs=nnx.Rngs(0)),
}


@pytest.fixture(autouse=True)
def exact_float32() -> Iterator[None]:
    """TF32 would keep ten bits of 23."""
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(params=MODULES)
def kind(request: Any) -> str:
    return request.param


@pytest.fixture
def processor() -> Any:
    return jax.devices("cpu")[0]


def images(kind: str) -> np.ndarray:
    shape = (4, 14, 14, 8) if kind == "GhostConv" else (4, 64, 64, 3)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def answer(module: Any, x: np.ndarray) -> np.ndarray:
    module.eval()
    return np.asarray(nnx.jit(lambda module, x: module(x))(module, x))


def placed(module: Any, device: Any) -> Any:
    graph, state = nnx.split(module)
    return nnx.merge(graph, jax.device_put(state, device))


def test_a_module_answers_as_on_the_processor(kind: str, processor: Any) -> None:
    module, x = MODULES[kind](), images(kind)
    got = answer(module, x)
    with jax.default_device(processor):
        wanted = answer(placed(module, processor), x)
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_a_deployed_module_answers_as_before(kind: str) -> None:
    module, x = MODULES[kind](), images(kind)
    got, wanted = answer(ghost_jax.deploy(module), x), answer(module, x)
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_files_are_those_of_the_processor(kind: str, processor: Any, tmp_path: Path) -> None:
    module = MODULES[kind]()
    ghost_jax.save_weights(module, tmp_path / "gpu.safetensors")
    ghost_jax.save_weights(placed(module, processor), tmp_path / "cpu.safetensors")
    files = [(tmp_path / name).read_bytes() for name in ("gpu.safetensors", "cpu.safetensors")]
    assert files[0] == files[1]


def test_weights_are_loaded_where_the_module_is(kind: str, processor: Any, tmp_path: Path) -> None:
    module = placed(MODULES[kind](), processor)
    ghost_jax.save_weights(MODULES[kind](), tmp_path / "file.safetensors")
    ghost_jax.load_weights(module, tmp_path / "file.safetensors")
    leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert {device for leaf in leaves for device in leaf.devices()} == {processor}


def test_the_same_key_draws_the_same_network(kind: str, processor: Any) -> None:
    drawn = ghost_jax.state(MODULES[kind]())
    with jax.default_device(processor):
        again = ghost_jax.state(MODULES[kind]())
    for name, wanted in again.items():
        assert np.abs(drawn[name] - wanted).max() <= 1e-6 * np.abs(wanted).max(), name
