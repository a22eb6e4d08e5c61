"""The layers in Linen and with partition annotations, as `docs/flax-linen.md` shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from flax.nnx import bridge
from jax.sharding import PartitionSpec

from ghost_jax import GhostConv, deploy, from_file, load_weights, save_weights, state

PAGE = Path(__file__).parents[2] / "docs" / "flax-linen.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def layer(seed: int = 0) -> GhostConv:
    return GhostConv(3, 8, kernel_size=3, padding=1, rngs=nnx.Rngs(seed))


def images() -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=(2, 9, 7, 3)), jnp.float32)


def back(variables: dict[str, Any]) -> GhostConv:
    """The module that has these variables of Linen."""
    module = layer()
    nnx.update(module, nnx.merge_state(*map(nnx.State, variables.values())))
    return module


@pytest.mark.slow
def test_a_step_in_linen_is_one_of_the_module() -> None:
    linen = bridge.to_linen(GhostConv, 3, 8, kernel_size=3, padding=1)
    x = images()
    variables = linen.init(jax.random.key(0), x)
    module = back(variables)

    y, changed = linen.apply(variables, x, mutable=["batch_stats"])
    np.testing.assert_array_equal(y, module(x))
    stored = state(back(variables | changed))
    for name, array in state(module).items():
        np.testing.assert_array_equal(stored[name], array, err_msg=name)


@pytest.mark.matrix
def test_the_gradients_in_linen_are_those_of_the_module() -> None:
    linen = bridge.to_linen(GhostConv, 3, 8, kernel_size=3, padding=1)
    x = images()
    variables = linen.init(jax.random.key(0), x)

    def loss(parameters: Any) -> jax.Array:
        y, _ = linen.apply(variables | {"params": parameters}, x, mutable=["batch_stats"])
        return jnp.square(y).sum()

    found = jax.grad(loss)(variables["params"])
    wanted = nnx.grad(lambda module: jnp.square(module(x)).sum())(back(variables))
    jax.tree.map(np.testing.assert_array_equal, found, nnx.to_pure_dict(wanted))


@pytest.mark.slow
def test_the_page_takes_a_file_into_linen_and_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_weights(layer(seed=7), "layer.safetensors")
    written = Path("layer.safetensors").read_bytes()
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)

    assert Path("layer.safetensors").read_bytes() == written
    module = from_file("layer.safetensors")
    module.eval()
    np.testing.assert_array_equal(names["y"], module(names["x"]))


def annotated() -> GhostConv:
    """The module of the page's block on partitioning, its kernels split over a mesh."""
    names: dict[str, Any] = {"jax": jax, "nnx": nnx, "GhostConv": GhostConv}
    exec(BLOCKS[-1], names)
    return names["network"]


def specs(module: nnx.Module) -> dict[tuple[Any, ...], PartitionSpec]:
    found = nnx.to_pure_dict(nnx.get_partition_spec(nnx.state(module)))
    return nnx.traversals.flatten_mapping(found)


def test_the_pages_rule_annotates_every_kernel_and_nothing_else() -> None:
    found = specs(annotated())

    assert found.keys() == specs(layer()).keys()
    for path, spec in found.items():
        is_kernel = path[-1] == "kernel"
        assert spec == (PartitionSpec(None, None, None, "model") if is_kernel else PartitionSpec())


def test_an_annotated_module_is_saved_with_the_same_bytes(tmp_path: Path) -> None:
    save_weights(layer(), tmp_path / "plain.safetensors")
    save_weights(annotated(), tmp_path / "annotated.safetensors")

    plain, found = (tmp_path / f"{name}.safetensors" for name in ("plain", "annotated"))
    assert found.read_bytes() == plain.read_bytes()


def test_loading_keeps_the_annotations_and_where_kernels_lie(tmp_path: Path) -> None:
    save_weights(layer(seed=7), tmp_path / "layer.safetensors")
    module = annotated()
    wanted = specs(module), module.primary_conv[0].kernel.sharding

    load_weights(module, tmp_path / "layer.safetensors")

    assert (specs(module), module.primary_conv[0].kernel.sharding) == wanted
    np.testing.assert_array_equal(
        state(module)["primary_conv.0.weight"], state(layer(seed=7))["primary_conv.0.weight"]
    )


@pytest.mark.slow
def test_a_deployed_module_keeps_the_annotations() -> None:
    module, plain = annotated(), layer()
    module.eval()
    plain.eval()
    deployed = deploy(module)

    kernel = deployed.primary_conv[0].kernel
    assert kernel.get_metadata("out_sharding") == (None, None, None, "model")
    np.testing.assert_array_equal(deployed(images()), deploy(plain)(images()))
