"""A program of torch.export, run by PyTorch."""

from pathlib import Path
from typing import Any

from weights.deployment.archives import read_member
from weights.deployment.notes import ENTRY, INT8, Notes
from weights.deployment.runtime import Runtime, without_notes
from weights.deployment.runtimes.torch_programs import open_program


def read_notes(path: Path) -> Notes:
    """Return the notes in the archive; nothing is run."""
    found = read_member(path, f"/extra/{ENTRY}")
    if found is None:
        raise without_notes(path)
    return Notes.from_json(path, found)


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the program; PyTorch's own number of threads is set for the whole process."""

    notes = read_notes(path)

    def load(torch: Any) -> Any:
        if notes.dtype == INT8:
            import torch.ao.quantization.quantize_fx  # which registers the operators of int8
        return torch.export.load(path).module()

    return open_program(path, notes, "a program of torch.export", load, threads)
