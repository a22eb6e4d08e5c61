"""A program of ExecuTorch, run by its runtime with XNNPACK."""

import warnings
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
    """Return the notes, which a method of the program returns."""
    return _notes(path, _program(path, read_bytes(path)))


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the program; it computes on as many threads as it takes."""
    data = read_bytes(path)
    program = _program(path, data)
    notes = _notes(path, program)
    with needed("ExecuTorch", "executorch"):
        import torch
    method = program.load_method("forward")

    def call(x: np.ndarray, kept: object = (program, data)) -> np.ndarray:
        # The method reads both for as long as it runs.
        return method.execute([torch.from_numpy(x)])[0].numpy().copy()

    # It refuses larger inputs in words of its own, and keeps the room of the largest.
    most, _, height, width = method.metadata.input_tensor_meta(0).sizes()
    return Runtime(notes, call, (most, height, width))


def _program(path: Path, data: bytes) -> Any:
    with warnings.catch_warnings(), needed("ExecuTorch", "executorch"):
        warnings.simplefilter("ignore")  # of what its own imports use
        from executorch.runtime import Runtime as Executor
    try:
        return Executor.get().load_program(data)
    except Exception as error:  # whatever a damaged file leads it to
        raise FormatError(f"{path}: ExecuTorch cannot load it: {brief(str(error))}") from None


def _notes(path: Path, program: Any) -> Notes:
    if ENTRY not in program.method_names:
        raise without_notes(path)
    found = program.load_method(ENTRY).execute([])[0]
    return Notes.from_json(path, found if isinstance(found, str) else bytes(found.tolist()))
