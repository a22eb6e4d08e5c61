"""The engines of TensorFlow that the conformance suite trains by: `tf.distribute`."""

import json
import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ghost_tf.replicas.arrays import channels_first, channels_last, named
from ghost_tf.weights_io import FRAMEWORK
from weights.columns.replicas import (
    GLOBAL,
    MEAN,
    Given,
    ReplicaRun,
    Step,
    free_addresses,
    in_processes,
    joined,
)
from weights.errors import UnsupportedError


def mirrored(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under a `MirroredStrategy` over logical devices."""
    _check_statistics(run)
    (steps,) = in_processes(_on_devices, 1, given, run)
    return steps


def multi_worker(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under a `MultiWorkerMirroredStrategy`, with a process for each."""
    _check_statistics(run)
    workers = free_addresses(len(run.shares))
    return joined(in_processes(_in_process, len(workers), workers, given, run))


def _check_statistics(run: ReplicaRun) -> None:
    if run.statistics == MEAN:
        raise UnsupportedError(
            "Keras keeps the statistics of the first replica where they are not synchronised"
        )


def _on_devices(_: int, given: Given, run: ReplicaRun) -> list[Step]:
    (processor,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration() for _ in run.shares]
    tf.config.set_logical_device_configuration(processor, devices)
    names = [f"CPU:{at}" for at in range(len(devices))]
    return _train(tf.distribute.MirroredStrategy(names), given, run)


def _in_process(rank: int, workers: list[str], given: Given, run: ReplicaRun) -> list[Step]:
    task = {"type": "worker", "index": rank}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
    return _train(tf.distribute.MultiWorkerMirroredStrategy(), given, run)


def _train(strategy: Any, given: Given, run: ReplicaRun) -> list[Step]:
    with strategy.scope():
        module = _build(given, run)
        optimizer = keras.optimizers.SGD(run.rate)
        optimizer.build(module.trainable_variables)
        return list(_steps(strategy, module, optimizer, run))


def _build(given: Given, run: ReplicaRun) -> Any:
    """The module, whose statistics are synchronised where they are to be global."""
    is_global = run.statistics == GLOBAL
    config = {**given.config, "synchronized": is_global}
    module = FRAMEWORK.make(given.architecture, config, np.dtype(np.float32))
    FRAMEWORK.set_state(module, given.tensors)
    return module


def _steps(strategy: Any, module: Any, optimizer: Any, run: ReplicaRun) -> Iterator[Step]:
    variables = module.trainable_variables

    @tf.function
    def step(x: Any, cotangent: Any) -> Any:
        return strategy.run(on_replica, (x, cotangent))

    def on_replica(x: Any, cotangent: Any) -> Any:
        with tf.GradientTape() as tape:
            output = module(x, training=True)
            loss = tf.reduce_sum(output * cotangent) / run.images
        local = tape.gradient(loss, [variable.value for variable in variables])
        context = tf.distribute.get_replica_context()
        grads = context.all_reduce(tf.distribute.ReduceOp.SUM, local)
        optimizer.apply(local, variables)
        return output, grads

    for arrays in run.steps:
        parts = (run.split(channels_last(array)) for array in arrays)
        x, cotangent = (_placed(strategy, part) for part in parts)
        outputs, grads = step(x, cotangent)
        found = strategy.experimental_local_results(outputs)
        output = np.concatenate([channels_first(each.numpy()) for each in found])
        first = [strategy.experimental_local_results(grad)[0] for grad in grads]
        yield {
            "output": output, "grads": named(module, first), "state": FRAMEWORK.state(module)
        }  # fmt: skip


def _placed(strategy: Any, parts: list[np.ndarray]) -> Any:
    def of_replica(context: Any) -> Any:
        return tf.constant(parts[context.replica_id_in_sync_group])

    return strategy.experimental_distribute_values_from_function(of_replica)
