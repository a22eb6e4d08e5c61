"""An artefact held against the weight file that it is said to be of."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.export import Exporter
from weights.deployment.notes import INT8, Notes
from weights.deployment.proof import Network, Proof, prove
from weights.deployment.quantising.samples import Samples
from weights.deployment.quantising.verdict import MOST_LOST, Verdict, judge
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
    samples: Samples | None = None,
    most_lost: float = MOST_LOST,
    trusted: bool = False,
) -> tuple[Notes, Proof | Verdict]:
    """Hold an artefact against an interchange file: what it says, then what it computes.

    Args:
        path: the artefact.
        against: the file that it was exported from.
        images: inputs (N, C, H, W) of your own, for which the classes must be the same too.
        samples: those that an artefact in int8 is judged by, which needs some.
        most_lost: the percentage points that one in int8 may lose of them.
        trusted: run artefacts that are programs, which may do anything.

    Returns:
        The notes of the artefact, and the proof of its outputs, or the verdict of int8.

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
    if notes.dtype == INT8:
        return notes, _verdict(
            path, against, exporter.network(module, "float32"), samples, most_lost
        )
    judges = exporter.judges(module, exporter.in_form(module, notes.form), notes.dtype)
    try:
        return notes, prove(open_artefact(path), judges, given=images, seed=SEED)
    except ArtefactError as error:
        raise ArtefactError(f"{path}, held against {against}: {error}") from None


def _verdict(
    path: PathLike, against: PathLike, network: Network, samples: Samples | None, most_lost: float
) -> Verdict:
    """Judge an artefact in int8 by the network of the weight file."""
    if samples is None:
        raise GhostError(f"{path} is in int8, which is judged on images: give them with --images")
    runtime = open_artefact(path)
    samples.check(runtime.notes.plan)
    verdict = judge(network(samples.x), runtime.run(samples.x), samples, most_lost)
    if not verdict.passed:
        raise ArtefactError(f"{path}, held against {against}: {verdict}")
    return verdict


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
    if name is not None and to is not None:
        target_named(to).check_column(name)
    known = [FRAMEWORKS[each] for each in ([name] if name else able)]
    for framework in known:
        if not framework.missing:
            found: Exporter = framework.load("exporting.export").EXPORTER
            return found
    reasons = "".join(f"\n  - {framework.reason}" for framework in known)
    raise GhostError(f"an artefact needs the framework of its weights:{reasons}")
