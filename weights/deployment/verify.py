"""An artefact held against the weight file that it is said to be of."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.export import Exporter
from weights.deployment.notes import Notes
from weights.deployment.proof import Proof, prove
from weights.deployment.targets import target_named
from weights.errors import ArtefactError, GhostError
from weights.files.file import WeightFile, read_file
from weights.files.writing import PathLike
from weights.frameworks import FRAMEWORKS
from weights.text import brief, listed

# Seeds of the images of `export` and of `verify`, which sees others.
SEED = 1000


def verify(
    path: PathLike,
    against: PathLike,
    *,
    images: Sequence[np.ndarray] = (),
    trusted: bool = False,
) -> tuple[Notes, Proof]:
    """Hold an artefact against an interchange file: what it says, then what it computes.

    Args:
        path: the artefact.
        against: the file that it was exported from.
        images: inputs (N, C, H, W) of your own, for which the classes must be the same too.
        trusted: run artefacts that are programs, which may do anything.

    Returns:
        The notes of the artefact, and the proof of its outputs.

    Raises `weights.ArtefactError` where it says or computes something else, `weights.GhostError`
    where one of the two cannot be read or no framework is there to run the file.
    """
    file = read_file(against)
    target, notes = read_notes(path)
    problems = list(_differences(notes, file))
    if problems:
        lines = listed(problems, "\n  - ")
        raise ArtefactError(f"{path} says that it is not of {against}:\n  - {lines}")
    if target.is_program and not trusted:
        raise GhostError(
            f"{path} is a program, which may do anything once it runs, and says what the file "
            "says: compare what it computes with --trust, in Python trusted=True, if it is yours"
        )
    exporter = installed_exporter()
    module = exporter.framework.build(file.architecture, file.config, file.tensors)
    judges = exporter.judges(module, exporter.in_form(module, notes.form), notes.dtype)
    try:
        return notes, prove(open_artefact(path), judges, given=images, seed=SEED)
    except ArtefactError as error:
        raise ArtefactError(f"{path}, held against {against}: {error}") from None


def _differences(notes: Notes, file: WeightFile) -> Iterator[str]:
    """What the notes say otherwise than the file."""
    wanted: dict[str, Any] = {
        "architecture": file.architecture,
        "config": file.config,
        "weights_sha256": file.metadata["content_sha256"],
        "preprocess": file.metadata.get("preprocess"),
        "classes": file.metadata.get("classes"),
    }
    for name, value in wanted.items():
        said = getattr(notes, name)
        said = list(said) if isinstance(said, tuple) else said
        if said != value:
            yield f"{name}: {brief(said)} in the artefact, {brief(value)} in the file"


def installed_exporter(name: str | None = None, to: str | None = None) -> Exporter:
    """Return the exporter of a framework, by default of the first that is installed.

    With `to` it is one that writes that target. Raises `GhostError` where none is there.
    """
    able = FRAMEWORKS if to is None else target_named(to).columns
    known = [FRAMEWORKS[each] for each in ([name] if name else able)]
    for framework in known:
        if not framework.missing:
            found: Exporter = framework.load("exporting.export").EXPORTER
            return found
    reasons = "".join(f"\n  - {framework.reason}" for framework in known)
    raise GhostError(f"an artefact needs the framework of its weights:{reasons}")
