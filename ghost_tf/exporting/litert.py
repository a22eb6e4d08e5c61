"""LiteRT (TensorFlow Lite), by TensorFlow's converter."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ghost_tf.exporting.interface import interface
from weights.deployment.notes import ENTRY, Notes


def write_litert(module: Any, path: Path, notes: Notes) -> None:
    """Write a flat buffer with the notes among its metadata; float16 is of its weights alone."""
    # The converter stores variables without values unless it is given a functional model.
    model = interface(module, replace(notes, dtype="float32"))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if notes.dtype == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    with _quiet():
        data = converter.convert()
    path.write_bytes(_with_entry(data, notes.to_json().encode()))


def _with_entry(data: bytes, text: bytes) -> bytes:
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils as buffers

    model = buffers.convert_bytearray_to_object(bytearray(data))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(text)
    entry.name, entry.buffer = ENTRY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(buffers.convert_object_to_bytearray(model))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Keras from printing what the converter saves on its way."""
    was_interactive = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if was_interactive:
            keras.config.enable_interactive_logging()
