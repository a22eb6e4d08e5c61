"""SavedModel, run by TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime
from weights.errors import FormatError
from weights.files.storage import read_bytes
from weights.frameworks import needed
from weights.text import brief

MEMBER, SIGNATURE = "saved_model.pb", "serving_default"


def read_notes(path: Path) -> Notes:
    """Return the notes among the constants of the graph; nothing is run."""
    with needed("SavedModel", "tf"):
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    data = read_bytes(path / MEMBER)
    try:
        model = SavedModel.FromString(data)
    except Exception:  # of protobuf, which is not always the same package
        raise FormatError(f"{path} is no whole SavedModel") from None
    found = {
        value
        for graph in model.meta_graphs
        for function in graph.graph_def.library.function
        for node in function.node_def
        if node.op == "Const" and node.name == ENTRY
        for value in node.attr["value"].tensor.string_val
    }
    if len(found) != 1:
        raise FormatError(
            f"{path} is a SavedModel without the notes of this project: it was made by another "
            "tool, or they were removed"
        )
    return Notes.from_json(path, found.pop())


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Load the model into TensorFlow, whose threads are those of the whole process."""
    with needed("SavedModel", "tf"):
        import tensorflow as tf
    notes = read_notes(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # of its own kinds, which have no common base
        raise FormatError(f"{path}: TensorFlow cannot load it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> Any:
        # Of the whole model: a signature alone does not keep its variables alive.
        made = loaded.signatures[SIGNATURE](**{notes.input: tf.constant(x)})
        return made[notes.output].numpy()

    return Runtime(notes, call)
