"""Depthwise convolution under XLA on a CPU, whose grouped convolution takes many times as long.

The sum of the shifted input times each element of the kernel (docs/performance.md).
"""

from itertools import product
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

Sizes = tuple[int, int]


def depthwise(x: Any, kernel: Any, padding: Sizes, dilation: Sizes) -> Any:
    """Shapes: x: (N, H, W, C); kernel: (kh, kw, C, multiplier); stride 1."""
    rows, columns, channels, multiplier = kernel.shape
    # Narrow types are summed in float32, as a convolution sums them.
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    taps = tf.reshape(tf.cast(kernel, wide), (rows, columns, channels * multiplier))
    around = ((0, 0), *((size, size) for size in padding), (0, 0))
    # In this order: XLA repeats what is padded four times as slowly.
    repeated = tf.pad(tf.repeat(tf.cast(x, wide), multiplier, axis=-1), around)
    return tf.cast(_sum_of_shifted(repeated, taps, dilation), x.dtype)


def _sum_of_shifted(x: Any, taps: Any, dilation: Sizes) -> Any:
    rows, columns = _reach(taps, dilation)
    around = ((0, 0), (rows, rows), (columns, columns), (0, 0))

    @tf.custom_gradient
    def computed(x: Any, taps: Any) -> Any:
        def gradient(cotangent: Any) -> Any:
            padded = _computed_once(tf.pad(cotangent, around))
            of_input = _forward(padded, taps[::-1, ::-1], dilation)
            return of_input, _gradient_of_taps(x, cotangent, taps.shape, dilation)

        return _forward(_computed_once(x), taps, dilation), gradient

    return computed(x, taps)


def _reach(taps: Any, dilation: Sizes) -> Sizes:
    """How many rows and columns lie between the first of the taps and the last."""
    rows, columns, _ = taps.shape
    return (rows - 1) * dilation[0], (columns - 1) * dilation[1]


def _computed_once(x: Any) -> Any:
    """`x`, which XLA would otherwise compute again for each of the taps."""
    (made,) = gen_xla_ops.xla_optimization_barrier(input=[x])  # no public name has this
    return made


def _forward(x: Any, taps: Any, dilation: Sizes) -> Any:
    (down, right), (rows, columns) = dilation, _reach(taps, dilation)
    first, *others = (
        x[:, down * i : down * i - rows or None, right * j : right * j - columns or None]
        * taps[i, j]
        for i, j in product(*map(range, taps.shape[:2]))
    )
    return sum(others, first)


def _gradient_of_taps(x: Any, cotangent: Any, shape: Any, dilation: Sizes) -> Any:
    rows, columns, channels = shape
    sizes, flat = tf.shape(cotangent), tf.reshape(cotangent, (-1, channels))
    ones = tf.ones(tf.shape(flat)[:1], x.dtype)

    def one(index: Any) -> Any:
        corner = dilation[0] * (index // columns), dilation[1] * (index % columns)
        window = tf.slice(x, [0, *corner, 0], sizes)
        # As a product with ones: XLA's own sum over three axes is five times slower.
        return tf.linalg.matvec(tf.reshape(window, (-1, channels)) * flat, ones, transpose_a=True)

    # In a loop: what XLA sees at once takes seconds to compile.
    return tf.reshape(tf.map_fn(one, tf.range(rows * columns), fn_output_signature=x.dtype), shape)
