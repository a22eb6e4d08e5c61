"""The verdicts of a run as they come, so that a run that was interrupted can be resumed."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import Any

from conformance.implementations import installed_version
from conformance.verdict import Verdict
from weights import ArgumentError, FormatError

NAME = "unfinished.jsonl"
PACKAGES = ("ghostconv", "numpy", "torch", "jax", "flax", "tensorflow", "keras")
Key = tuple[str, str, str]


class Journal:
    """A file to which every verdict is added as soon as it is there, whole lines only."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._lock = Lock()

    def begin(self, done: dict[Key, Verdict]) -> None:
        """Start a new file with the verdicts that an earlier run left."""
        self.path.write_text(json.dumps(_header()) + "\n", encoding="utf-8")
        for verdict in done.values():
            self.add(verdict)

    def add(self, verdict: Verdict) -> None:
        """Add a verdict."""
        line = json.dumps(verdict.to_dict(), allow_nan=False) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as stream:
            stream.write(line)

    def end(self) -> None:
        """Remove the file: the report holds everything."""
        self.path.unlink(missing_ok=True)


def key(verdict: Verdict) -> Key:
    """What tells a verdict from the others of a run."""
    return verdict.tier, verdict.case, verdict.implementation


def read_journal(folder: Path) -> dict[Key, Verdict]:
    """What an interrupted run left in the folder of its report; its last line may be cut short.

    Raises `ArgumentError` where nothing was interrupted or versions have changed since, and
    `FormatError` for a damaged file.
    """
    path = folder / NAME
    if not path.is_file():
        raise ArgumentError(f"`--resume` needs {path}, which only an interrupted run leaves")
    first, *lines = path.read_text(encoding="utf-8").split("\n")
    _check_header(path, first)
    try:
        # What follows the last line break is empty, or a line that was cut short.
        verdicts = [Verdict.from_dict(json.loads(line)) for line in lines[:-1]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged: {error}; remove it to run from the start") from error
    return {key(verdict): verdict for verdict in verdicts}


def _check_header(path: Path, line: str) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if found != _header():
        raise ArgumentError(
            f"`--resume` needs the versions of the interrupted run, got {_header()['versions']}, "
            f"where {path} begins with {line[:400]!r}: run from the start"
        )


def _header() -> dict[str, Any]:
    versions = {name: installed_version(name) for name in PACKAGES}
    return {"kind": "unfinished", "versions": versions}
