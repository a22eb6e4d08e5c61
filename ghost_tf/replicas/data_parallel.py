"""The engine of Keras' JAX backend that the conformance suite trains by: `keras.distribution`."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ghost_tf.replicas.arrays import channels_first, channels_last, named
from ghost_tf.weights_io import FRAMEWORK
from weights.columns.replicas import GLOBAL, Given, ReplicaRun, Step, in_processes
from weights.errors import UnsupportedError


def data_parallel(given: Given, run: ReplicaRun) -> list[Step]:
    """What each step gives under `keras.distribution.DataParallel`."""
    if not run.is_even:
        raise UnsupportedError("JAX shards an axis into parts of one size: pad the batch")
    if run.statistics != GLOBAL:
        raise UnsupportedError(
            "under jit a batch is one, wherever its parts lie: so are its statistics"
        )
    (steps,) = in_processes(_on_devices, 1, given, run)
    return steps


def _on_devices(_: int, given: Given, run: ReplicaRun) -> list[Step]:
    import jax

    jax.config.update("jax_num_cpu_devices", len(run.shares))
    devices = keras.distribution.list_devices("cpu")
    distribution = keras.distribution.DataParallel(devices=devices)
    keras.distribution.set_distribution(distribution)
    return list(_steps(distribution, FRAMEWORK.build(*given), run))


def _steps(distribution: Any, module: Any, run: ReplicaRun) -> Iterator[Step]:
    import jax

    @jax.jit
    def differentiate(trainable: Any, others: Any, x: Any, cotangent: Any) -> Any:
        def loss(trainable: Any) -> Any:
            output, changed = module.stateless_call(trainable, others, x, training=True)
            return (output * cotangent).sum() / run.images, (output, changed)

        return jax.grad(loss, has_aux=True)(trainable)

    def placed(array: np.ndarray) -> Any:
        native = channels_last(array)
        layout = distribution.get_data_layout(native.shape)
        return keras.distribution.distribute_tensor(native, layout)

    for arrays in run.steps:
        variables = module.trainable_variables, module.non_trainable_variables
        values = [[each.value for each in group] for group in variables]
        grads, (output, changed) = differentiate(*values, *map(placed, arrays))
        moved = [value - run.rate * grad for value, grad in zip(values[0], grads, strict=True)]
        for group, after in zip(variables, (moved, changed), strict=True):
            for variable, value in zip(group, after, strict=True):
                variable.assign(value)
        yield {
            "output": channels_first(np.asarray(output)), "grads": named(module, grads),
            "state": FRAMEWORK.state(module),
        }  # fmt: skip
