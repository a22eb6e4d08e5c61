"""A program of torch.export, run by PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.archives import read_member
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime, without_notes
from weights.errors import FormatError
from weights.frameworks import needed
from weights.text import brief


def read_notes(path: Path) -> Notes:
    """Return the notes in the archive; nothing is run."""
    found = read_member(path, f"/extra/{ENTRY}")
    if found is None:
        raise without_notes(path)
    return Notes.from_json(path, found)


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the program; PyTorch's own number of threads is set for the whole process."""
    notes = read_notes(path)
    with needed("a program of torch.export", "torch"):
        import torch
    if threads:
        torch.set_num_threads(threads)
    try:
        module: Any = torch.export.load(path).module()
    except Exception as error:  # whatever a damaged archive leads it to
        raise FormatError(f"{path}: torch.export cannot load it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(x)).numpy()

    return Runtime(notes, call)
