"""Where TensorFlow will run the code that is being traced: what is fast differs."""

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
