"""TensorFlow's SavedModel, as TensorFlow Serving takes it."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from keras.export import ExportArchive

from ghost_tf.exporting.interface import interface
from weights.deployment.notes import ENTRY, Notes


def write_saved_model(module: Any, path: Path, notes: Notes) -> None:
    """Write a SavedModel whose second signature returns the notes."""
    model = interface(module, notes)
    archive = ExportArchive()
    archive.track(model)
    given = tf.TensorSpec(model.input_shape, tf.float32, name=notes.input)
    archive.add_endpoint("serve", lambda x: model(x, training=False), input_signature=[given])
    archive.add_endpoint(ENTRY, lambda: _constant(notes), input_signature=[])
    archive.write_out(str(path), verbose=False)


def _constant(notes: Notes) -> dict[str, Any]:
    # By this name the notes are found without running anything.
    return {"notes": tf.constant(notes.to_json(), name=ENTRY)}
