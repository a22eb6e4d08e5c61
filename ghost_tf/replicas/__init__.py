"""Training on several devices, by what Keras' backend has for it."""

import keras

from weights.columns.replicas import Engine


def engine() -> Engine | None:
    """The engine of Keras' backend, None where that has none."""
    name = keras.backend.backend()
    if name == "tensorflow":
        from ghost_tf.replicas.mirrored import mirrored

        return mirrored
    if name == "jax":
        from ghost_tf.replicas.data_parallel import data_parallel

        return data_parallel
    return None
