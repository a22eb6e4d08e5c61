"""A package that PyTorch has compiled ahead of time for this kind of processor."""

from pathlib import Path
from typing import Any

from weights import strict_json
from weights.deployment.archives import read_member
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.runtime import Runtime, without_notes
from weights.deployment.runtimes.torch_programs import open_program

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

    def load(torch: Any) -> Any:
        return torch._inductor.aoti_load_package(str(path))

    return open_program(path, read_notes(path), "a compiled package of PyTorch", load, threads)
