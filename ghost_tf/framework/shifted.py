"""Depthwise convolution under XLA on a CPU, whose grouped convolution takes many times as long.

The sum of the shifted input times each element of the kernel (docs/performance.md).
"""

from itertools import product
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops


def depthwise(x: Any, kernel: Any, padding: tuple[int, int]) -> Any:
    """Shapes: x: (N, H, W, C); kernel: (kh, kw, C, multiplier); stride 1."""
    rows, columns, channels, multiplier = kernel.shape
    # Narrow types are summed in float32, as a convolution sums them.
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    taps = tf.reshape(tf.cast(kernel, wide), (rows, columns, channels * multiplier))
    around = ((0, 0), *((size, size) for size in padding), (0, 0))
    # In this order: XLA repeats what is padded four times as slowly.
    repeated = tf.pad(tf.repeat(tf.cast(x, wide), multiplier, axis=-1), around)
    return tf.cast(_sum_of_shifted(repeated, taps), x.dtype)


@tf.custom_gradient
def _sum_of_shifted(x: Any, taps: Any) -> Any:
    rows, columns, _ = taps.shape
    around = ((0, 0), (rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0))

    def gradient(cotangent: Any) -> Any:
        of_input = _forward(_computed_once(tf.pad(cotangent, around)), taps[::-1, ::-1])
        return of_input, _gradient_of_taps(x, cotangent, taps.shape)

    return _forward(_computed_once(x), taps), gradient


def _computed_once(x: Any) -> Any:
    """`x`, which XLA would otherwise compute again for each of the taps."""
    (made,) = gen_xla_ops.xla_optimization_barrier(input=[x])  # no public name has this
    return made


def _forward(x: Any, taps: Any) -> Any:
    rows, columns, _ = taps.shape
    first, *others = (
        x[:, i : i - rows + 1 or None, j : j - columns + 1 or None] * taps[i, j]
        for i, j in product(range(rows), range(columns))
    )
    return sum(others, first)


def _gradient_of_taps(x: Any, cotangent: Any, shape: Any) -> Any:
    rows, columns, channels = shape
    sizes, flat = tf.shape(cotangent), tf.reshape(cotangent, (-1, channels))
    ones = tf.ones(tf.shape(flat)[:1], x.dtype)

    def one(index: Any) -> Any:
        window = tf.slice(x, [0, index // columns, index % columns, 0], sizes)
        # As a product with ones: XLA's own sum over three axes is five times slower.
        return tf.linalg.matvec(tf.reshape(window, (-1, channels)) * flat, ones, transpose_a=True)

    # In a loop: what XLA sees at once takes seconds to compile.
    return tf.reshape(tf.map_fn(one, tf.range(rows * columns), fn_output_signature=x.dtype), shape)
