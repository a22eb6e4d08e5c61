"""A package that PyTorch has compiled ahead of time for this kind of processor."""

from pathlib import Path
from typing import Any

import numpy as np

from weights import strict_json
from weights.deployment.archives import read_member
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime, without_notes
from weights.errors import FormatError
from weights.frameworks import needed
from weights.text import brief

METADATA = ".wrapper_metadata.json"


def read_notes(path: Path) -> Notes:
    """Return the notes in the archive; nothing is run."""
    found = read_member(path, METADATA)
    document = {} if found is None else strict_json.loads(found, f"{path}: {METADATA}")
    if not isinstance(document, dict) or not isinstance(document.get(ENTRY), str):
        raise without_notes(path)
    return Notes.from_json(path, document[ENTRY])


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the package; PyTorch's own number of threads is set for the whole process."""
    notes = read_notes(path)
    with needed("a compiled package of PyTorch", "torch"):
        import torch
    if threads:
        torch.set_num_threads(threads)
    try:
        module: Any = torch._inductor.aoti_load_package(str(path))
    except Exception as error:  # whatever a damaged archive leads it to
        raise FormatError(f"{path}: PyTorch cannot load it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return module(torch.from_numpy(x)).numpy()

    return Runtime(notes, call)
