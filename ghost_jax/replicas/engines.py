"""The engines of JAX that the conformance suite trains by: jit over a mesh, and `shard_map`.

The devices of the mesh belong to one process, or each to one of `jax.distributed`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ghost_jax.weights_io import FRAMEWORK
from weights.columns.replicas import (
    FIRST,
    GLOBAL,
    Given,
    ReplicaRun,
    Step,
    free_addresses,
    in_processes,
)
from weights.errors import UnsupportedError

AXIS = "batch"
SPLIT, WHOLE = PartitionSpec(AXIS), PartitionSpec()
# Maps module, images and cotangent to output and gradients, and moves the statistics.
Differentiate = Callable[[Any, jax.Array, jax.Array], tuple[jax.Array, Any]]


def over_mesh(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under `nnx.jit`, with images that are sharded over a mesh of devices."""
    _check_jitted(run)
    (steps,) = in_processes(_on_devices, 1, _jitted, given, run)
    return steps


def over_processes(given: Given, run: ReplicaRun) -> list[Step]:
    """The same where each device of the mesh belongs to a process of `jax.distributed`."""
    _check_jitted(run)
    (coordinator,) = free_addresses(1)
    return in_processes(_in_process, len(run.shares), coordinator, _jitted, given, run)[0]


def shard_mapped(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives where `jax.shard_map` runs the module on every device.

    Statistics are synchronised by `axis_name`; without, those of every device are averaged.
    """
    _check_even(run)
    if run.statistics == FIRST:
        raise UnsupportedError("under shard_map each device has statistics, and no device is first")
    (steps,) = in_processes(_on_devices, 1, _mapped, given, run)
    return steps


def _check_even(run: ReplicaRun) -> None:
    if not run.is_even:
        raise UnsupportedError("JAX shards an axis into parts of one size: pad the batch")


def _check_jitted(run: ReplicaRun) -> None:
    _check_even(run)
    if run.statistics != GLOBAL:
        raise UnsupportedError(
            "under jit a batch is one, wherever its parts lie: so are its statistics"
        )


def _on_devices(_: int, make: Any, given: Given, run: ReplicaRun) -> list[Step]:
    jax.config.update("jax_num_cpu_devices", len(run.shares))
    return _train(make, given, run)


def _in_process(
    rank: int, coordinator: str, make: Any, given: Given, run: ReplicaRun
) -> list[Step]:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, len(run.shares), rank)
    return _train(make, given, run)


def _train(make: Any, given: Given, run: ReplicaRun) -> list[Step]:
    module: Any = FRAMEWORK.build(*given)
    module.train()
    mesh = Mesh(np.array(jax.devices()), (AXIS,))
    nnx.update(module, jax.device_put(nnx.state(module), NamedSharding(mesh, WHOLE)))
    return list(_steps(module, make(module, mesh, run), mesh, run))


def _steps(
    module: Any, differentiate: Differentiate, mesh: Mesh, run: ReplicaRun
) -> Iterator[Step]:
    for arrays in run.steps:
        x, cotangent = (_placed(_channels_last(array), mesh) for array in arrays)
        output, of_parameters = differentiate(module, x, cotangent)
        parameters = nnx.state(module, nnx.Param)
        moved = jax.tree.map(lambda p, g: p - run.rate * g, parameters, of_parameters)
        nnx.update(module, moved)
        yield {
            "output": _channels_first(process_allgather(output, tiled=True)),
            "grads": _named(module, of_parameters),
            "state": FRAMEWORK.state(module),
        }


def _jitted(module: Any, mesh: Mesh, run: ReplicaRun) -> Differentiate:
    return nnx.jit(_gradients(run))


def _mapped(module: Any, mesh: Mesh, run: ReplicaRun) -> Differentiate:
    is_global = run.statistics == GLOBAL
    module.set_attributes(axis_name=AXIS if is_global else None)
    graph, _ = nnx.split(module)
    local = _gradients(run)

    def step(state: Any, x: jax.Array, cotangent: jax.Array) -> Any:
        merged = nnx.merge(graph, state, copy=True)
        # Of parameters that every device has, JAX sums the gradients itself.
        output, of_parameters = local(merged, x, cotangent)
        statistics = nnx.state(merged, nnx.BatchStat)
        if not is_global:
            statistics = jax.lax.pmean(statistics, AXIS)
        return output, of_parameters, statistics

    mapped = jax.jit(
        jax.shard_map(
            step, mesh=mesh, in_specs=(WHOLE, SPLIT, SPLIT), out_specs=(SPLIT, WHOLE, WHOLE)
        )
    )

    def differentiate(module: Any, x: jax.Array, cotangent: jax.Array) -> Any:
        output, of_parameters, statistics = mapped(nnx.state(module), x, cotangent)
        nnx.update(module, statistics)
        return output, of_parameters

    return differentiate


def _gradients(run: ReplicaRun) -> Differentiate:
    def differentiate(module: Any, x: jax.Array, cotangent: jax.Array) -> Any:
        def loss(module: Any) -> Any:
            output = module(x)
            return (output * cotangent).sum() / run.images, output

        of_parameters, output = nnx.grad(loss, has_aux=True)(module)
        return output, of_parameters

    return differentiate


def _named(module: Any, of_parameters: Any) -> dict[str, np.ndarray]:
    """The gradients by canonical name, found in a module that holds them as its parameters."""
    graph, _, *rest = nnx.split(module, nnx.Param, ...)
    holder = nnx.merge(graph, of_parameters, *rest)
    specs = [spec for spec in FRAMEWORK.specs_of(module) if spec.trainable]
    found = FRAMEWORK.variables_of(holder, specs)
    return {spec.name: FRAMEWORK.to_canonical(found[spec.name], spec) for spec in specs}


def _placed(array: np.ndarray, mesh: Mesh) -> jax.Array:
    """The array of all replicas, of which every process gives what its devices hold."""
    place = NamedSharding(mesh, SPLIT)
    return jax.make_array_from_callback(array.shape, place, lambda index: array[index])


def _channels_last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def _channels_first(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
