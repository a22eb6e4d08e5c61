"""Batch normalisation as Keras has it, but for the variance that it stores."""

from math import prod
from typing import Any

import keras
from keras import ops

from ghost_tf.framework.synchronised import synchronised_moments
from weights.modules.convolutions import SINGLE_VALUE


@keras.saving.register_keras_serializable("ghost_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that stores the unbiased variance.

    Moments are computed in float32 at least, in two passes; by TensorFlow's own kernel where it has
    one that does so.
    """

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, C) or (N, C, H, W), the same out."""
        wide = keras.backend.result_type(x.dtype, "float32")
        gamma, beta, mean, var = (
            ops.cast(each, wide)
            for each in (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        )
        if training and self.trainable:
            if self.synchronized:
                x = ops.cast(x, wide)
                mean, var = self._store(*synchronised_moments(x, self._reduction_axes))
            else:
                count = _count(x, self._reduction_axes)
                x = _checked_variance(x, count)
                if self._is_fused(x):
                    return self._fused(x, gamma, beta, mean, var)
                mean, var = self._update(ops.cast(x, wide), count)
        # Not rsqrt, nor Keras' batch_normalization, which calls it: TensorFlow's rsqrt(1) is not 1.
        scale = gamma / ops.sqrt(var + self.epsilon)
        bias = beta - mean * scale
        scale, bias = (
            ops.reshape(vector, (-1, 1, 1) if self.axis == 1 else (-1,)) for vector in (scale, bias)
        )
        return ops.cast(ops.cast(x, wide) * scale + bias, self.compute_dtype)

    def _is_fused(self, x: Any) -> bool:
        """Whether TensorFlow's own kernel computes the step."""
        if keras.backend.backend() != "tensorflow" or self.axis == 1:
            return False
        from ghost_tf.framework.fused import is_wanted

        return is_wanted(x)

    def _fused(self, x: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
        from ghost_tf.framework.fused import normalised

        weight = 1 - self.momentum
        output, mean, var = normalised(x, gamma, beta, mean, var, self.epsilon, weight)
        self.moving_mean.assign(mean)
        self.moving_variance.assign(var)
        return ops.cast(output, self.compute_dtype)

    def _update(self, x: Any, count: Any) -> tuple[Any, Any]:
        mean = ops.mean(x, self._reduction_axes, keepdims=True)
        var = ops.mean(ops.square(x - mean), self._reduction_axes)
        mean = ops.squeeze(mean, self._reduction_axes)
        return self._store(mean, var, ops.cast(count, x.dtype))

    def _store(self, mean: Any, var: Any, count: Any) -> tuple[Any, Any]:
        unbiased = var * (count / (count - 1))
        self.moving_mean.assign(self._moved(self.moving_mean, mean))
        self.moving_variance.assign(self._moved(self.moving_variance, unbiased))
        return mean, var

    def _moved(self, running: Any, batch: Any) -> Any:
        return ops.cast(running, batch.dtype) * self.momentum + batch * (1 - self.momentum)


def _count(x: Any, axes: list[int]) -> Any:
    shape = ops.shape(x)
    return prod(shape[axis] for axis in axes)


def _checked_variance(x: Any, count: Any) -> Any:
    """`x`, behind TensorFlow's assert for a `count` that is known at run time only."""
    if isinstance(count, int):
        return x
    import tensorflow as tf

    check = tf.debugging.assert_greater(count, 1, message=SINGLE_VALUE)
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(x)
