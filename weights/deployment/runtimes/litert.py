"""LiteRT's flat buffers, run by its interpreter on a CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime
from weights.errors import FormatError
from weights.files.storage import read_bytes
from weights.frameworks import needed
from weights.text import brief


def read_notes(path: Path) -> Notes:
    """Return the notes among the metadata of the model; nothing is run."""
    return _notes(path, read_bytes(path))


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the model in LiteRT's interpreter."""
    with needed("LiteRT", "litert"):
        from ai_edge_litert.interpreter import Interpreter
    data = read_bytes(path)
    notes = _notes(path, data)
    try:
        interpreter = Interpreter(model_content=data, num_threads=threads)
        (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise FormatError(f"{path}: LiteRT cannot open it: {brief(str(error))}") from None
    ready: tuple[int, ...] | None = None

    def call(x: np.ndarray) -> Any:
        nonlocal ready
        if x.shape != ready:
            interpreter.resize_tensor_input(given["index"], x.shape, strict=True)
            interpreter.allocate_tensors()
            ready = x.shape
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    return Runtime(notes, call)


def _notes(path: Path, data: bytes) -> Notes:
    with needed("LiteRT", "litert"):
        from ai_edge_litert import schema_py_generated as schema
    try:
        found = list(_entries(schema.Model.GetRootAs(data)))
    except Exception:  # whatever comes of offsets that lead nowhere
        raise FormatError(f"{path} is no whole LiteRT model") from None
    if len(found) != 1:
        raise FormatError(
            f"{path} is a LiteRT model without the notes of this project: it was made by another "
            "tool, or they were removed"
        )
    return Notes.from_json(path, found[0])


def _entries(model: Any) -> Any:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == ENTRY.encode():
            yield model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
