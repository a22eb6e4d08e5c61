"""ONNX, run by onnxruntime on a CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime, without_notes
from weights.errors import FormatError
from weights.files.storage import read_bytes
from weights.frameworks import needed
from weights.text import brief


def read_notes(path: Path) -> Notes:
    """Return the notes among the properties of the model; nothing is run."""
    return _notes(path, _model(path, read_bytes(path)))


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the model in onnxruntime."""
    with needed("ONNX", "onnx"):
        import onnxruntime
    data = read_bytes(path)
    notes = _notes(path, _model(path, data))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3  # errors alone
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own kinds, which have no common base
        raise FormatError(f"{path}: onnxruntime cannot open it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> np.ndarray:
        found: list[np.ndarray] = session.run([notes.output], {notes.input: x})
        return found[0]

    return Runtime(notes, call)


def _model(path: Path, data: bytes) -> Any:
    """The model in a file, all of whose tensors are inside: no file may name another."""
    with needed("ONNX", "onnx"):
        import onnx
    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # of protobuf, which is not always the same package
        raise FormatError(f"{path} is no whole ONNX model") from None
    if any(each.external_data for each in model.graph.initializer):
        raise FormatError(f"{path} keeps tensors in other files: save it with all of them inside")
    return model


def _notes(path: Path, model: Any) -> Notes:
    found = [each.value for each in model.metadata_props if each.key == ENTRY]
    if len(found) != 1:
        raise without_notes(path)
    return Notes.from_json(path, found[0])
