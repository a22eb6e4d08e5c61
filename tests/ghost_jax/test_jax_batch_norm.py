"""Batch normalisation in JAX: what Flax's own offers, over devices and under masks too."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.columns import normal, tensors_of

pytest.importorskip("flax")

import jax
import jax.numpy as jnp
from flax import nnx

import ghost_jax
from ghost_jax.framework.batch_norm import BatchNorm
from ghost_jax.framework.prototypes import AbstractRngs
from ghost_jax.weights_io import ARCHITECTURES
from weights import ArgumentError

pytestmark = pytest.mark.slow

X = normal(4, 3, 5, 6)
SMALL: dict[str, dict[str, Any]] = {
    "ghost_conv": {"c_in": 3, "c_out": 5, "kernel_size": 3, "stride": 2},
    "ghost_conv_v2": {"c_in": 3, "c_out": 6, "padding": 1, "kernel_size": 3},
    "ghost_conv_v3": {"c_in": 3, "c_out": 6, "kernel_size": 3},
    "ghost_bottleneck": {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2, "se_ratio": 0.25},
    "rep_ghost_conv": {"c_in": 3, "c_out": 5},
    "rep_ghost_bottleneck": {"c_in": 4, "c_mid": 8, "c_out": 6},
    "c3_ghost": {"c1": 8, "c2": 8},
}


def both(channels: int = 6, **options: Any) -> tuple[BatchNorm, nnx.BatchNorm]:
    """Ours and Flax's own, with the same options and random parameters."""
    ours = BatchNorm(channels, 1e-3, 0.1, **options, rngs=nnx.Rngs(0))
    flax = nnx.BatchNorm(channels, epsilon=1e-3, momentum=0.9, **options, rngs=nnx.Rngs(0))
    for name, seed in (("scale", 1), ("bias", 2)):
        if getattr(ours, name) is not None:
            for each in (ours, flax):
                getattr(each, name).set_value(jnp.asarray(normal(channels, seed=seed)))
    return ours, flax


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({"axis": 1}, {}),
        ({"axis": -2}, {}),
        ({"use_scale": False}, {}),
        ({"use_bias": False}, {}),
        ({"use_scale": False, "use_bias": False}, {}),
        ({"use_fast_variance": True}, {}),
        ({"dtype": jnp.bfloat16}, {}),
        ({"use_running_average": True}, {}),
        ({"use_running_average": True}, {"use_running_average": False}),
        ({}, {"use_running_average": True}),
        ({}, {"mask": X[..., :1] > 0}),
        ({}, {"mask": X > 0}),
        ({"scale_metadata": {"note": "kept"}, "bias_metadata": {"note": "kept"}}, {}),
        ({"scale_init": nnx.initializers.constant(3), "bias_init": nnx.initializers.ones}, {}),
    ],
    ids=lambda values: ",".join(values) or "none",  # no addresses: pytest-xdist compares them
)
def test_the_output_and_the_mean_are_those_of_flax(
    options: dict[str, Any], arguments: dict[str, Any]
) -> None:
    channels = X.shape[options.get("axis", -1)]
    ours, flax = both(channels, **options)

    output, wanted = ours(jnp.asarray(X), **arguments), flax(jnp.asarray(X), **arguments)

    assert output.dtype == wanted.dtype
    allowed = 2e-2 if "dtype" in options else 1e-4
    np.testing.assert_allclose(output, wanted, rtol=allowed, atol=allowed)
    np.testing.assert_allclose(ours.mean[...], flax.mean[...], rtol=1e-2, atol=1e-6)
    assert ours.scale is flax.scale is None or ours.scale.get_metadata(
        "note", None
    ) == flax.scale.get_metadata("note", None)


def test_the_promotion_of_types_is_the_users() -> None:
    seen = []

    def promote(arrays: Any, *, dtype: Any) -> Any:
        seen.append(dtype)
        return nnx.nn.dtypes.promote_dtype(arrays, dtype=dtype)

    both(promote_dtype=promote)[0](jnp.asarray(X))

    assert seen == [jnp.float32]


def test_a_mask_stores_the_unbiased_variance_of_what_it_leaves() -> None:
    ours, _ = both()
    mask = X > 0

    ours(jnp.asarray(X), mask=mask)

    left = [X[..., channel][mask[..., channel]] for channel in range(6)]
    wanted = [0.9 + 0.1 * np.var(values, ddof=1) for values in left]
    np.testing.assert_allclose(ours.var[...], wanted, rtol=1e-5)


def test_one_value_that_a_mask_leaves_keeps_the_variance_finite() -> None:
    ours, _ = both()

    ours(jnp.asarray(X), mask=np.arange(X.size).reshape(X.shape) < 6)

    np.testing.assert_allclose(ours.var[...], 0.9, rtol=1e-6)


def test_statistics_keep_the_type_that_they_have() -> None:
    ours, _ = both()
    for statistic in (ours.mean, ours.var):
        statistic.set_value(statistic[...].astype(jnp.float16))

    ours(jnp.asarray(X))

    assert {ours.mean[...].dtype, ours.var[...].dtype} == {jnp.dtype(jnp.float16)}


def test_a_step_is_traced_without_asking_where_traced_values_lie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, _ = both()
    # JAX answers by a text about all that was traced before: a network would take a minute.
    asked: list[Any] = []
    monkeypatch.setattr(jax.core.Tracer, "sharding", property(asked.append))

    nnx.jit(lambda module, x: module(x))(ours, X)

    assert not asked


def trained(module: Any, x: Any, parts: int = 0) -> tuple[Any, Any]:
    """Output and statistics of a training step, over stacked parts of the batch if there are."""
    module.train()
    graph, state = nnx.split(module)

    def step(x: Any) -> tuple[Any, Any]:
        merged = nnx.merge(graph, state, copy=True)
        output = merged(x)
        return output, nnx.state(merged, nnx.BatchStat)

    # Compiled without optimisation: it takes less time than it saves.
    jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    if not parts:
        return jit(step)(x)
    stacked = x.reshape(parts, -1, *x.shape[1:])
    output, statistics = jit(jax.vmap(step, axis_name="batch"))(stacked)
    return output.reshape(-1, *output.shape[2:]), jax.tree.map(lambda leaf: leaf[0], statistics)


def assert_close(got: Any, wanted: Any) -> None:
    """All leaves are near those wanted, measured by the largest of each."""
    for new, old in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        assert float(jnp.abs(new - old).max()) <= 1e-4 * float(jnp.abs(old).max())


def built(architecture: str, config: dict[str, Any]) -> Any:
    """A layer with random tensors."""
    return ghost_jax.weights_io.build(
        architecture, config, tensors_of(architecture, seed=1, **config)
    )


@pytest.mark.parametrize("architecture", SMALL)
def test_statistics_over_an_axis_are_those_of_the_whole_batch(architecture: str) -> None:
    layer = built(architecture, SMALL[architecture])
    x = jnp.asarray(normal(4, 7, 6, layer.plan.input_channels))
    wanted = trained(layer, x)
    layer.set_attributes(axis_name="batch")

    assert_close(trained(layer, x, parts=2), wanted)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_batch_normalisation_of_a_module_knows_the_axis_that_it_was_given(
    architecture: str,
) -> None:
    config = {"ghost_resnet20": {}, "squeeze_excite": {"channels": 4}, **SMALL}.get(
        architecture, {}
    )
    options = {"axis_name": "batch", "axis_index_groups": [[0], [1]], "rngs": AbstractRngs()}

    module = ARCHITECTURES[architecture](**config, **options)

    norms = [each for _, each in nnx.iter_modules(module) if isinstance(each, BatchNorm)]
    known = {(each.axis_name, str(each.axis_index_groups)) for each in norms}
    assert known == ({("batch", "[[0], [1]]")} if norms else set())
    assert bool(norms) is (architecture != "squeeze_excite")


def test_a_value_per_channel_and_device_is_enough_on_several_devices() -> None:
    layer = built("ghost_conv", {"c_in": 3, "c_out": 5})
    x = jnp.asarray(normal(2, 1, 1, 3))
    wanted = trained(layer, x)
    layer.set_attributes(axis_name="batch")

    assert_close(trained(layer, x, parts=2), wanted)


def test_a_single_value_on_all_devices_is_refused() -> None:
    layer = built("ghost_conv", {"c_in": 3, "c_out": 5})
    layer.set_attributes(axis_name="batch")

    with pytest.raises(ArgumentError, match="training needs more than one value per channel"):
        trained(layer, jnp.ones((1, 1, 1, 3)), parts=1)


def test_a_deployed_layer_refuses_to_train_on_several_devices_too() -> None:
    config = {"c_in": 3, "c_out": 5, "attention": True, "form": "deployed"}
    layer = built("ghost_conv_v3", config)
    layer.set_attributes(axis_name="batch")

    with pytest.raises(ArgumentError, match="'deployed' cannot train"):
        trained(layer, jnp.ones((2, 4, 4, 3)), parts=2)


def test_an_axis_that_nobody_names_is_refused() -> None:
    layer = built("ghost_conv", {"c_in": 3, "c_out": 5})
    layer.set_attributes(axis_name="batch")

    with pytest.raises(ArgumentError) as error:
        trained(layer, jnp.ones((2, 4, 4, 3)))

    assert str(error.value) == (
        "training with `axis_name` = 'batch' needs an axis of that name: call the module inside "
        "jax.vmap(..., axis_name='batch') or jax.shard_map"
    )


def test_groups_of_an_axis_without_its_name_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^`axis_index_groups` must come with `axis_name`"):
        ghost_jax.GhostConv(3, 5, axis_index_groups=[[0], [1]], rngs=nnx.Rngs(0))


ON_FOUR_DEVICES = """
import jax, numpy as np
from flax import nnx
from jax.sharding import PartitionSpec as P
from tests.ghost_jax.test_jax_batch_norm import assert_close, built, normal, trained

def on_devices(groups):
    layer = built("ghost_conv", {"c_in": 3, "c_out": 5})
    layer.set_attributes(axis_name="batch", axis_index_groups=groups)
    layer.train()
    graph, state = nnx.split(layer)
    def step(x):
        merged = nnx.merge(graph, state, copy=True)
        output = merged(x)
        return output, jax.tree.map(lambda leaf: leaf[None], nnx.state(merged, nnx.BatchStat))
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("batch",))
    mapped = jax.shard_map(
        step, mesh=mesh, in_specs=P("batch"), out_specs=P("batch"), check_vma=groups is None
    )
    return jax.jit(mapped)(x)

assert jax.device_count() == 4
x = jax.numpy.asarray(normal(8, 4, 5, 3))
layer = built("ghost_conv", {"c_in": 3, "c_out": 5})
output, statistics = on_devices(None)
assert_close((output, jax.tree.map(lambda leaf: leaf[3], statistics)), trained(layer, x))
output, statistics = on_devices([[0, 1], [2, 3]])
for half, device in ((slice(0, 4), 0), (slice(4, 8), 3)):
    got = (output[half], jax.tree.map(lambda leaf: leaf[device], statistics))
    assert_close(got, trained(layer, x[half]))
print("equal")
"""


def test_statistics_over_devices_are_those_of_the_whole_batch_or_of_their_group() -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}

    done = subprocess.run(
        [sys.executable, "-c", ON_FOUR_DEVICES], env=environment, capture_output=True, text=True
    )

    assert (done.stdout, done.returncode) == ("equal\n", 0), done.stderr
