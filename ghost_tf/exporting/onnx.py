"""ONNX, by tf2onnx."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from ghost_tf.exporting.interface import interface
from weights.deployment.notes import ENTRY, Notes
from weights.frameworks import needed

OPSET = 18


def write_onnx(module: Any, path: Path, notes: Notes) -> None:
    """Write an ONNX model with its tensors inside and the notes among its properties."""
    with needed("ONNX of a Keras module", "tf-onnx"):
        import onnx
        import tf2onnx
    model = interface(module, notes)
    given = [tf.TensorSpec(model.input_shape, tf.float32, name=notes.input)]
    call = tf.function(lambda x: model(x, training=False), input_signature=given)
    proto, _ = tf2onnx.convert.from_function(call, input_signature=given, opset=OPSET)
    proto.metadata_props.add(key=ENTRY, value=notes.to_json())
    onnx.save(proto, path)
