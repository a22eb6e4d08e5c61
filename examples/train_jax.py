"""The recipe with Flax and optax, on all devices of one process or of `jax.distributed`."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from recipe import taught

import ghost_jax

KEPT = nnx.Not(nnx.RngState)  # keys of dropout, which no checkpoint needs


def train(run):
    """Train to the end, from the last checkpoint on; the network is saved after every epoch."""
    recipe, rank, replicas = run.recipe, *_processes()
    run.check_devices(jax.device_count())
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    whole, split = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("batch",)))
    network = _network(recipe)
    teacher = ghost_jax.from_file(recipe.teacher) if recipe.teacher else None
    schedule = optax.cosine_decay_schedule(recipe.rate, recipe.epochs * run.steps)
    rule = optax.adamw(schedule, weight_decay=recipe.weight_decay)
    optimizer = nnx.Optimizer(network, rule, wrt=nnx.Param)
    average = nnx.clone(network) if recipe.average else network
    parts = {"network": network, "optimizer": optimizer, "average": average}
    if run.first_epoch:
        _restore(parts, run.checkpoint(run.first_epoch, ".npz"))
    spread = jax.jit(lambda state: state, out_shardings=whole)
    for part in parts.values():
        nnx.update(part, spread(jax.tree.map(_nowhere, nnx.state(part))))

    def placed(array):
        return jax.make_array_from_process_local_data(split, np.float32(array))

    def logits(x, network):
        network.eval()
        return np.asarray(_forward(network, jnp.asarray(x)), np.float32)

    for epoch in range(run.first_epoch, recipe.epochs):
        losses = 0.0
        for x, targets in run.batches(epoch, show=rank == 0):
            x, targets = x[rank::replicas], targets[rank::replicas]
            if teacher is not None:
                targets = taught(recipe, targets, logits(x, teacher))
            network.train()
            # Read at once: collectives of two steps must not meet on a CPU.
            losses += float(_step(network, optimizer, placed(x), placed(targets)))
            if recipe.average:
                _move(average, network, recipe.average if optimizer.step.get_value() > 1 else 0)
        if rank == 0:
            leaves = jax.tree.leaves([nnx.state(part, KEPT) for part in parts.values()])
            np.savez(run.checkpoint(epoch + 1, ".npz"), *map(np.asarray, leaves))
            path = run.folder / "network.safetensors"
            ghost_jax.save_weights(average, path, overwrite=True)
            # Of this process alone, where the network may lie in several.
            own = ghost_jax.from_file(path)
            run.record(epoch, losses / run.steps, lambda x, own=own: logits(x, own))


def _nowhere(array):
    """The array on no device: what a process has on one of its own goes to no other's."""
    is_key = jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
    return array if is_key else np.asarray(array)


@nnx.jit
def _step(network, optimizer, x, targets):
    def loss(network):
        return optax.softmax_cross_entropy(network(x).astype(jnp.float32), targets).mean()

    value, gradients = nnx.value_and_grad(loss)(network)
    optimizer.update(network, gradients)
    return value


@nnx.jit
def _forward(network, x):
    return network(x)


@nnx.jit
def _move(average, network, decay):
    states = nnx.state(network, nnx.Param), nnx.state(average, nnx.Param)
    moved = optax.incremental_update(*states, 1 - decay)
    nnx.update(average, moved, nnx.state(network, nnx.BatchStat))


def _restore(parts, path):
    states = [nnx.state(part, KEPT) for part in parts.values()]
    with np.load(path) as found:
        leaves = [jnp.asarray(found[name]) for name in found.files]
    restored = jax.tree.unflatten(jax.tree.structure(states), leaves)
    for part, state in zip(parts.values(), restored, strict=True):
        nnx.update(part, state)


def _network(recipe):
    kind = ghost_jax.weights_io.ARCHITECTURES[recipe.architecture]
    dtype = jnp.bfloat16 if recipe.mixed else None
    made = kind(**recipe.arguments, dtype=dtype, rngs=nnx.Rngs(recipe.seed))
    if recipe.start:
        ghost_jax.load_weights(made, recipe.start)
    return made


def _processes():
    """The number of this process, and how many there are."""
    if "JAX_COORDINATOR_ADDRESS" in os.environ:
        given = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
        address, count, number = map(os.environ.get, given)
        jax.distributed.initialize(address, int(count), int(number))
    return jax.process_index(), jax.process_count()
