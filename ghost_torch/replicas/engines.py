"""The engines of PyTorch that the conformance suite trains by: DDP and FSDP2, over gloo."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from ghost_torch.synchronised import synchronised
from ghost_torch.weights_io import FRAMEWORK
from weights.columns.replicas import GLOBAL, MEAN, Given, ReplicaRun, Step, in_processes, joined
from weights.errors import UnsupportedError

# Modules that an optimiser's first step imports, in a second.
LATE = ("torch._dynamo",)
# Takes a module and the number of replicas, returns what is called in place of it.
Wrap = Callable[[nn.Module, int], nn.Module]


def data_parallel(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under `DistributedDataParallel`."""
    return _train(_distributed, given, run)


def sharded(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under `fully_shard`, which spreads the parameters as well."""
    return _train(_fully_sharded, given, run)


def _distributed(module: nn.Module, replicas: int) -> nn.Module:
    return nn.parallel.DistributedDataParallel(module)


def _fully_sharded(module: nn.Module, replicas: int) -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    fully_shard(module, mesh=init_device_mesh("cpu", (replicas,)))
    return module


def _train(wrap: Wrap, given: Given, run: ReplicaRun) -> list[Step]:
    if run.statistics == MEAN:
        raise UnsupportedError(
            "PyTorch keeps the statistics of the first replica where they are not synchronised"
        )
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store").as_uri()
        given_to_all = store, wrap, given, run
        return joined(in_processes(_replica, len(run.shares), *given_to_all, imports=LATE))


def _replica(rank: int, store: str, wrap: Wrap, given: Given, run: ReplicaRun) -> list[Step]:
    torch.set_num_threads(1)
    replicas = len(run.shares)
    # The group ends with the process: destroyed before, PyTorch may wait, with Python's lock, for a
    # thread of gloo that waits for that lock.
    distributed.init_process_group("gloo", store, rank=rank, world_size=replicas)
    module: Any = FRAMEWORK.build(*given).train()
    if run.statistics == GLOBAL:
        module = synchronised(module)
    return list(_steps(module, wrap(module, replicas), run, rank))


def _steps(module: Any, wrapped: nn.Module, run: ReplicaRun, rank: int) -> Iterator[Step]:
    optimizer = torch.optim.SGD(module.parameters(), run.rate)
    # Both engines take the mean of the replicas' gradients, each of which may have other images.
    share = len(run.shares) / run.images
    for x, cotangent in run.of(rank):
        output = wrapped(torch.from_numpy(x.copy()))
        optimizer.zero_grad()
        (output * torch.from_numpy(cotangent.copy())).sum().mul(share).backward()
        grads = _gradients(module)
        optimizer.step()
        state = FRAMEWORK.state(module)
        yield {"output": output.detach().numpy(), "grads": grads, "state": state}


def _gradients(module: Any) -> dict[str, Any]:
    specs = [spec for spec in FRAMEWORK.specs_of(module) if spec.trainable]
    variables: dict[str, Any] = FRAMEWORK.variables_of(module, specs)
    return {name: FRAMEWORK.array_of(each.grad) for name, each in variables.items()}
