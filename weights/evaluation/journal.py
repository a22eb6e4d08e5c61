"""The batches that are done, line by line, so that a run that was stopped goes on."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weights.errors import GhostError
from weights.evaluation.work import Scores, Work
from weights.files.storage import read_bytes
from weights.files.writing import write_atomically
from weights.frameworks import FRAMEWORKS


class Journal:
    """A file of the scores of batches, or nothing where no path is given.

    The first line says of what; what a line that was cut off had is done again.

    Args:
        work: the work that it is of.
        path: the file, which may be there of an earlier run.

    Raises `GhostError` for the journal of other work.
    """

    def __init__(self, work: Work, path: Path | None) -> None:
        self.path = path
        self.done: dict[int, Scores] = {}
        if path is None:
            return
        head = {"evaluation": digest(work)}
        lines = list(_lines(path))
        if lines and lines[0] != head:
            raise GhostError(
                f"{path} must be the journal of this evaluation, got that of another: name another "
                "file, or remove it"
            )
        self.done = {line["batch"]: line["scores"] for line in lines if _is_whole(work, line)}
        whole = [head, *({"batch": n, "scores": s} for n, s in self.done.items())]
        text = "".join(f"{json.dumps(line)}\n" for line in whole)
        write_atomically(path, text.encode(), overwrite=True)

    def add(self, number: int, scores: Scores) -> None:
        """Keep the scores of a batch."""
        self.done[number] = scores
        if self.path is not None:
            with self.path.open("a") as stream:
                stream.write(f"{json.dumps({'batch': number, 'scores': scores})}\n")


def digest(work: Work) -> str:
    """SHA-256 of all that the scores of a batch depend on.

    Of files of images it takes names, sizes and times of change, of artefacts every byte.
    """
    told = {
        "weights": work.file.metadata["content_sha256"],
        "networks": [(name, *_digests(name)) for name in work.networks],
        "images": list(work.examples.names),
        "stamps": work.examples.stamps(),
        "labels": work.examples.labels.tolist(),
        "settings": work.settings,
        "batch": work.batch,
    }
    pixels = work.examples.pixels
    data = b"" if pixels is None else pixels.tobytes()
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode() + data).hexdigest()


def _digests(network: str) -> Iterator[str]:
    """Of the files of an artefact; of a framework, none."""
    if network in FRAMEWORKS:
        return
    path = Path(network)
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            yield hashlib.sha256(read_bytes(file)).hexdigest()


def _lines(path: Path) -> Iterator[Any]:
    """What each line says, None where it is not whole."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise GhostError(f"cannot read the journal {path}: {error.strerror}") from None
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            yield None


def _is_whole(work: Work, line: Any) -> bool:
    """Whether a line has the scores of a batch."""
    try:
        counts = {len(part) for name in work.networks for part in line["scores"][name]}
        return line["batch"] in range(work.batches) and counts == {len(work.indices(line["batch"]))}
    except (KeyError, TypeError):
        return False
