"""The journal of a run: its verdicts as they come, from which an interrupted run is resumed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO, Any

from conformance.implementations.registry import code_of, installed_version
from conformance.judging.verdict import Verdict
from weights import ArgumentError, FormatError
from weights.text import brief

NAME = "unfinished.jsonl"
FULL, FILES = "full", "files"
PACKAGES = ("ghostconv", "numpy", "torch", "jax", "flax", "tensorflow", "keras")
Key = tuple[str, str, str]
NO_FILES: Mapping[str, str] = {}


class Journal:
    """A file to which every verdict is added as soon as it is there, whole lines only.

    A resumed run adds to it. A journal that cannot be written ends no run; `problem` says why
    there is nothing to resume from.
    """

    def __init__(
        self, folder: Path, names: Sequence[str] = (), *, full: bool = False,
        files: Mapping[str, str] = NO_FILES,
    ) -> None:  # fmt: skip
        self.path = folder / NAME
        self._header = _header(names) | {FULL: full, FILES: dict(files)}
        self.problem = ""
        self._lock = Lock()
        self._stream: IO[bytes] | None = None

    def begin(self, *, resume: bool = False) -> None:
        """Start a new file, or add to the one that an interrupted run left."""
        with self._catching():
            self._stream = self.path.open("ab" if resume else "wb", buffering=0)
            if resume:
                self._stream.truncate(_whole_lines(self.path))
            else:
                self._write(self._header)

    def add(self, verdict: Verdict) -> None:
        """Add a verdict."""
        with self._lock, self._catching():
            self._write(verdict.to_dict())

    def close(self) -> None:
        """Write no more; the file stays, to be resumed from."""
        with self._lock, self._catching():
            if self._stream is not None:
                self._stream.close()
            self._stream = None

    def end(self) -> None:
        """Remove the file: the report holds everything."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, record: dict[str, Any]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(record, allow_nan=False).encode() + b"\n")

    @contextmanager
    def _catching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._stream, self.problem = None, f"cannot write {self.path}: {error.strerror}"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder for one run; raises `ArgumentError` where another has it.

    The system releases the lock when this process ends, however it does.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ArgumentError(
            f"another run writes into {folder}: wait for its end, or give another --report"
        ) from None
    except OSError:
        pass  # some network file systems lock no folders


def key(verdict: Verdict) -> Key:
    """The identity of a verdict within a run."""
    return verdict.tier, verdict.case, verdict.implementation


def read_journal(
    folder: Path,
    names: Sequence[str] = (),
    *,
    full: bool = False,
    files: Mapping[str, str] = NO_FILES,
) -> dict[Key, Verdict]:
    """The verdicts that an interrupted run of these implementations left in its report's folder.

    The last line may be cut short. Raises `ArgumentError` where nothing was interrupted, where
    versions, the code of an implementation or the given files (digests by name) have changed since,
    or where outputs were asked for once and are now twice, and `FormatError` for a damaged file.
    """
    path = folder / NAME
    if not path.is_file():
        raise ArgumentError(f"`--resume` needs {path}, which only an interrupted run leaves")
    first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    _check_header(path, first, names, full, files)
    try:
        # After the last line break there is nothing, or a line that was cut short.
        verdicts = [Verdict.from_dict(json.loads(line)) for line in lines[:-1]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is damaged: {error}; remove it to run from the start") from error
    return {key(verdict): verdict for verdict in verdicts}


def _whole_lines(path: Path) -> int:
    """The length of a file up to its last line break: any rest was cut short."""
    return path.read_bytes().rfind(b"\n") + 1


def _check_header(
    path: Path, line: str, names: Sequence[str], full: bool, files: Mapping[str, str]
) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    wanted = _header(names)
    if not isinstance(found, dict) or found.get("versions") != wanted["versions"]:
        raise ArgumentError(
            f"`--resume` needs the versions of the interrupted run, got {wanted['versions']}, "
            f"where {path} begins with {brief(line)}: run from the start"
        )
    if found.pop(FULL, None) != full:
        raise ArgumentError(
            f"`--resume` needs `--full` where the interrupted run had it, and nowhere else, as "
            f"outputs are asked for twice there; {path} is of another: run from the start"
        )
    if found.pop(FILES, None) != files:
        raise ArgumentError(
            f"`--resume` needs the `--weights` and `--images` of the interrupted run: {path} is of "
            "another file: run from the start"
        )
    if found != wanted:
        raise ArgumentError(
            f"`--resume` needs the code of the interrupted run: that of the suite or of an "
            f"implementation has changed since {path} was begun, or others are named: run from "
            "the start"
        )


def _header(names: Sequence[str]) -> dict[str, Any]:
    versions = {name: installed_version(name) for name in PACKAGES}
    return {"kind": "unfinished", "versions": versions, "code": code_of(names)}
