"""The model that is exported: float32 in and out, in the layout and the type of its notes."""

from typing import Any

import keras
from keras import ops

from ghost_tf.weights_io import FRAMEWORK
from weights.deployment.copies import copy_in
from weights.deployment.notes import Notes
from weights.errors import ArgumentError

# From rows, columns, channels to the order of PyTorch, and back.
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def interface(module: Any, notes: Notes) -> keras.Model:
    """A functional model of a copy of `module`, with the input and output that the notes tell."""
    if keras.backend.backend() != "tensorflow":
        raise ArgumentError(
            f"a Keras module must run on TensorFlow to be exported, got {keras.backend.backend()}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )
    is_first = notes.layout == "nchw"
    height, width = notes.size or (None, None)
    channels = notes.plan.input_channels
    sizes = (channels, height, width) if is_first else (height, width, channels)
    x = keras.Input(batch_shape=(notes.batch, *sizes), dtype="float32", name=notes.input)
    given = ops.transpose(x, LAST) if is_first else x
    out = ops.cast(copy_in(FRAMEWORK, module, notes.dtype)(ops.cast(given, notes.dtype)), "float32")
    return keras.Model(
        x, {notes.output: ops.transpose(out, FIRST) if is_first and out.ndim == 4 else out}
    )
