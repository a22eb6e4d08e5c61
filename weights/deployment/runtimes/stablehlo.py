"""StableHLO, run by JAX on whatever it computes on."""

from pathlib import Path

import numpy as np

from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime
from weights.errors import FormatError
from weights.files.storage import read_header, read_safetensors
from weights.frameworks import needed
from weights.text import brief

PROGRAM = "program"


def read_notes(path: Path) -> Notes:
    """Return the notes in the header of the file; nothing is run."""
    return _notes(path, read_header(path).metadata)


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Compile the program for the platform of this process, whose threads it takes."""
    with needed("StableHLO", "jax"):
        import jax
        from jax import export
    tensors, metadata = read_safetensors(path)
    notes = _notes(path, metadata)
    if PROGRAM not in tensors or tensors[PROGRAM].dtype != np.uint8:
        raise FormatError(f"{path} holds no program: it must be a tensor `{PROGRAM}` of bytes")
    try:
        exported = export.deserialize(bytearray(tensors[PROGRAM].tobytes()))
    except Exception as error:  # of flatbuffers and of MLIR, which have no common base
        raise FormatError(f"{path}: JAX cannot read its program: {brief(str(error))}") from None
    return Runtime(notes, jax.jit(exported.call))


def _notes(path: Path, metadata: dict[str, str]) -> Notes:
    if ENTRY not in metadata:
        raise FormatError(
            f"{path} is a safetensors file without the notes of this project: it was made by "
            "another tool, or they were removed"
        )
    return Notes.from_json(path, metadata[ENTRY])
