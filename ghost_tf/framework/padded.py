"""Convolutions that TensorFlow pads by itself: a padded copy would be kept for the gradient."""

from typing import Any

import tensorflow as tf

from weights.modules.convolutions import ConvolutionPlan


def is_wanted(plan: ConvolutionPlan, data_format: str) -> bool:
    """Whether there is something to pad, in a convolution that every processor can pad."""
    if plan.keeps_sizes or plan.padding == (0, 0) or plan.dilation != (1, 1):
        return False
    if data_format == "channels_first" or (plan.groups > 1 and not plan.depthwise):
        return False
    return all(map(int.__lt__, plan.padding, plan.kernel_size))


def convolution(x: Any, kernel: Any, plan: ConvolutionPlan) -> Any:
    """Shapes: x: (N, H, W, C); kernel: (kh, kw, C, O)."""
    return tf.nn.conv2d(x, kernel, plan.stride, _around(plan))


def depthwise(x: Any, kernel: Any, plan: ConvolutionPlan) -> Any:
    """Shapes: x: (N, H, W, C); kernel: (kh, kw, C, multiplier)."""
    return tf.nn.depthwise_conv2d(x, kernel, (1, *plan.stride, 1), _around(plan))


def _around(plan: ConvolutionPlan) -> list[list[int]]:
    """How much is added before and after, of every axis."""
    return [[0, 0], *([size, size] for size in plan.padding), [0, 0]]
