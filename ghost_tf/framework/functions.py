"""Where variables are created when the first call is one that TensorFlow traces."""

from contextlib import AbstractContextManager, nullcontext

import keras


def outside_functions() -> AbstractContextManager[None]:
    """Outside `tf.function`, in which each initial value would be two functions, traced twice.

    Under a strategy of `tf.distribute` variables are created where the strategy has its replicas.
    """
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    import tensorflow as tf

    made: AbstractContextManager[None] = tf.init_scope()
    return nullcontext() if tf.distribute.has_strategy() else made
