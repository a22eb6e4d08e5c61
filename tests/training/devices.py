"""Modules whose tensors are spread over devices, in processes that a test forks.

Groups of processes end with these, as in `ghost_torch.replicas.engines`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weights import ArgumentError
from weights.columns.replicas import Given

# A network that rematerialises, as far as its second feature map.
BACKBONE: dict[str, Any] = {"features_only": True, "out_indices": (1,)}


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
    return path.read_bytes()


def rematerialised_by_torch(rank: int, store: str, is_sharded: bool) -> list[Any]:
    """Gradients and statistics of a step of one of two processes, without `remat` and with it."""
    import torch
    from torch import distributed, nn
    from torch.distributed.fsdp import fully_shard

    import ghost_torch
    from ghost_torch.synchronised import synchronised

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", store, rank=rank, world_size=2)
    mesh = distributed.init_device_mesh("cpu", (2,))
    found = []
    for remat in (False, True):
        torch.manual_seed(0)
        module = synchronised(ghost_torch.ghostnet_050(**BACKBONE, remat=remat))
        wrapped = fully_shard(module, mesh=mesh) if is_sharded else (
            nn.parallel.DistributedDataParallel(module)
        )  # fmt: skip
        torch.manual_seed(1 + rank)
        maps = wrapped(torch.randn(2, 3, 40, 40))
        sum(each.square().mean() for each in maps).backward()
        gradients = [each.grad for each in module.parameters()]
        whole = [each.full_tensor() if is_sharded else each for each in gradients]
        found.append([each.detach().numpy() for each in (*whole, *module.buffers())])
    return found


def rematerialised_by_jax(_: int) -> list[Any]:
    """The same of Flax, on two devices of one process."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import ghost_jax

    jax.config.update("jax_num_cpu_devices", 2)
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("batch",), ()))
    x = jax.device_put(jax.random.normal(jax.random.key(1), (4, 40, 40, 3)), split)
    found = []
    for remat in (False, True):
        module = ghost_jax.ghostnet_050(**BACKBONE, remat=remat, rngs=nnx.Rngs(0))
        module.train()
        nnx.update(module, jax.device_put(nnx.state(module), whole))
        step = nnx.jit(nnx.grad(lambda module, x: sum(map(jnp.mean, map(jnp.square, module(x))))))
        gradients = step(module, x)
        leaves = jax.tree.leaves([gradients, nnx.state(module, nnx.BatchStat)])
        found.append(list(map(np.asarray, leaves)))
    return found


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


def spread_over_processes(rank: int, address: str, given: Given) -> tuple[str, Any]:
    """The words for a module that has a tensor on two processes' devices, and its state after."""
    import jax
    import numpy as np
    from flax import nnx
    from jax.experimental.multihost_utils import process_allgather
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import ghost_jax
    from ghost_jax.weights_io import build

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, 2, rank)
    module = build(*given)
    mesh = Mesh(np.array(jax.devices()), ("part",))
    whole = NamedSharding(mesh, PartitionSpec())
    nnx.update(module, jax.device_put(nnx.state(module), whole))
    scale = module.primary_conv.norm.scale
    scale.set_value(jax.device_put(scale.get_value(), NamedSharding(mesh, PartitionSpec("part"))))
    with pytest.raises(ArgumentError) as refused:
        ghost_jax.state(module)
    nnx.update(module, process_allgather(nnx.state(module), tiled=True))
    return str(refused.value), ghost_jax.state(module)
