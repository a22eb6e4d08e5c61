"""Batch normalisation over the replicas of a strategy of `tf.distribute`."""

from typing import Any

import keras

from weights import ArgumentError, checks


def checked_synchronized(value: Any) -> bool:
    """The argument `synchronized`; raises `ArgumentError` where Keras' backend has none."""
    checks.boolean("`synchronized`", value)
    if value and keras.backend.backend() != "tensorflow":
        raise ArgumentError(
            "`synchronized` must be False on Keras' backend "
            f"{keras.backend.backend()}, got True: TensorFlow's alone has replicas"
        )
    return bool(value)


def synchronise(module: Any, value: bool) -> None:
    """Set `synchronized` of every batch normalisation inside."""
    for layer in module._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = value


def replicas() -> int:
    """How many replicas this code runs on."""
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def synchronised_moments(x: Any, axes: list[int]) -> tuple[Any, Any, Any]:
    """Mean and biased variance over these axes and all replicas, in two passes, and the count."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()

    def total(value: Any) -> Any:
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    sizes = tf.gather(tf.shape(x), axes)
    count = total(tf.cast(tf.reduce_prod(sizes), x.dtype))
    mean = total(tf.reduce_sum(x, axes, keepdims=True)) / count
    variance = total(tf.reduce_sum(tf.square(x - mean), axes)) / count
    return tf.squeeze(mean, axes), variance, count
