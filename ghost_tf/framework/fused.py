"""A training step's batch normalisation by TensorFlow's fused kernel, which keeps one map less.

Its moments take two passes, as ours do, and the variance that it stores is the unbiased one.
"""

from typing import Any

import tensorflow as tf

from ghost_tf.framework.processor import is_in_xla, is_on_a_cpu


def is_wanted(x: Any) -> bool:
    """Whether the kernel suits an input: it has no float64, and XLA's takes a single pass."""
    return x.dtype != tf.float64 and len(x.shape) == 4 and is_on_a_cpu() and not is_in_xla()


def normalised(
    x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, eps: float, weight: float
) -> tuple[Any, Any, Any]:
    """The output, and running mean and variance moved by the weight of the new batch.

    Shapes: x: (N, H, W, C), the vectors: (C,), in float32.
    """
    output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=eps,
        exponential_avg_factor=weight, is_training=True,
    )  # fmt: skip
    return output, mean, variance
