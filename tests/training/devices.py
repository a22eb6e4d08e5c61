"""Modules whose tensors are spread over devices, in processes that a test forks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weights import ArgumentError
from weights.columns.replicas import Given


def saved_by_fsdp(rank: int, store: str, folder: str, given: Given) -> bytes:
    """The file that one of two processes writes, each of which holds half of every tensor."""
    from torch import distributed
    from torch.distributed.fsdp import fully_shard

    import ghost_torch
    from ghost_torch.weights_io import build

    distributed.init_process_group("gloo", store, rank=rank, world_size=2)
    module: Any = build(*given)
    fully_shard(module, mesh=distributed.init_device_mesh("cpu", (2,)))
    path = Path(folder, f"{rank}.safetensors")
    ghost_torch.save_weights(module, path)
    distributed.destroy_process_group()
    return path.read_bytes()


def saved_from_mesh(_: int, folder: str, given: Given) -> bytes:
    """The file of a module whose tensors lie on two devices, divided at the last axis."""
    import jax
    import numpy as np
    from flax import nnx
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import ghost_jax
    from ghost_jax.weights_io import build

    jax.config.update("jax_num_cpu_devices", 2)
    mesh = Mesh(np.array(jax.devices()), ("part",))

    def spread(leaf: Any) -> Any:
        axes = [None] * (leaf.ndim - 1) + ["part" if leaf.shape[-1] % 2 == 0 else None]
        return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(*axes)))

    module = build(*given)
    nnx.update(module, jax.tree.map(spread, nnx.state(module)))
    path = Path(folder, "mesh.safetensors")
    ghost_jax.save_weights(module, path)
    return path.read_bytes()


def refused_by_jax(rank: int, port: int, given: Given) -> str:
    """The words for a module whose tensors lie on devices of two processes."""
    import jax
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import ghost_jax
    from ghost_jax.weights_io import build

    jax.distributed.initialize(f"localhost:{port}", 2, rank)
    module = build(*given)
    mesh = Mesh(np.array(jax.devices()), ("part",))
    whole = NamedSharding(mesh, PartitionSpec("part"))
    variable = module.primary_conv.norm.scale
    values = np.asarray(variable.get_value())
    spread = jax.make_array_from_callback(values.shape, whole, lambda index: values[index])
    variable.set_value(spread)
    try:
        ghost_jax.state(module)
    except ArgumentError as error:
        return str(error)
    return ""
