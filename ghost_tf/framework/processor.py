"""Where TensorFlow will run the code that is being traced: what is fast differs."""

from functools import cache

import tensorflow as tf
from tensorflow.python.framework import ops as framework_ops
from tensorflow.python.ops import control_flow_util


def is_in_xla() -> bool:
    """Whether XLA will compile it."""
    # There is no public name for this.
    return control_flow_util.GraphOrParentsInXlaContext(framework_ops.get_default_graph())


def is_on_a_cpu() -> bool:
    """Whether there is no other processor."""
    return not tf.config.list_logical_devices("GPU")


@cache
def convolves_channels_first() -> bool:
    """Whether TensorFlow can: on a CPU oneDNN does, which it leaves out on some."""
    with tf.init_scope():
        pixel = tf.zeros((1, 1, 1, 1))
        try:
            tf.nn.conv2d(pixel, pixel, strides=1, padding="VALID", data_format="NCHW")
        except tf.errors.OpError:
            return False
    return True
