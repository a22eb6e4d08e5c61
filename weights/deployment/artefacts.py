"""Artefacts as they lie on a disk: whose they are, and how they are opened."""

from collections.abc import Mapping
from pathlib import Path

from weights.deployment.notes import Notes
from weights.deployment.runtime import Reader, Runtime
from weights.deployment.runtimes import (
    aoti,
    executorch,
    litert,
    ncnn,
    onnx,
    openvino,
    pt2,
    saved_model,
    stablehlo,
)
from weights.deployment.targets import TARGETS, Target
from weights.errors import FormatError
from weights.files.folders import check_folder
from weights.files.storage import opened
from weights.files.writing import PathLike, check_path

READERS: Mapping[str, Reader] = {
    "onnx": onnx,
    "pt2": pt2,
    "aoti": aoti,
    "executorch": executorch,
    "openvino": openvino,
    "ncnn": ncnn,
    "stablehlo": stablehlo,
    "saved-model": saved_model,
    "litert": litert,
}


def target_of(path: PathLike) -> Target:
    """Return the target whose artefact lies at `path`; raises `FormatError` where it is none."""
    check_path(path)
    place = Path(path)
    if place.is_dir():
        check_folder(place)
    else:
        with opened(place):
            pass
    found = [target for target in TARGETS.values() if target.is_at(place)]
    if not found:
        known = ", ".join(
            each.suffix or f"a folder with {each.member}" for each in TARGETS.values()
        )
        raise FormatError(f"{path} is no artefact of a runtime, which is one of {known}")
    return max(found, key=lambda target: len(target.suffix))


def read_notes(path: PathLike) -> tuple[Target, Notes]:
    """Return the target of an artefact and the notes in it; nothing of it is run.

    Raises `GhostError` where it is none, or not whole, or has no notes.
    """
    target = target_of(path)
    return target, READERS[target.name].read_notes(Path(path))


def open_artefact(path: PathLike, *, threads: int | None = None) -> Runtime:
    """Open an artefact in its own runtime.

    Args:
        path: the file or folder.
        threads: how many threads it computes on; without it as many as the runtime takes.

    Raises `GhostError` where it is none, or not whole, has no notes, or its runtime is missing.
    """
    target = target_of(path)
    target.check_installed()
    return READERS[target.name].open_artefact(Path(path), threads=threads)
