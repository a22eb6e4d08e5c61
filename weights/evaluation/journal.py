"""The batches that are done, line by line, so that a run that was stopped goes on."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weights.errors import GhostError
from weights.evaluation.work import Scores, Work


class Journal:
    """A file of the scores of batches, or nothing where no path is given.

    The first line says of what; a last line that was cut off is done again.

    Args:
        work: the work that it is of.
        path: the file, which may be there of an earlier run.

    Raises `GhostError` for the journal of other work.
    """

    def __init__(self, work: Work, path: Path | None) -> None:
        self.path = path
        self._head = {"evaluation": digest(work)}
        self.done: dict[int, Scores] = {}
        if path is None:
            return
        lines = list(_lines(path))
        if lines and lines[0] != self._head:
            raise GhostError(
                f"{path} must be the journal of this evaluation, got that of another: name another "
                "file, or remove it"
            )
        self.done = {int(line["batch"]): line["scores"] for line in lines[1:]}
        whole = [self._head, *({"batch": n, "scores": s} for n, s in self.done.items())]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in whole))

    def add(self, number: int, scores: Scores) -> None:
        """Keep the scores of a batch."""
        self.done[number] = scores
        if self.path is not None:
            with self.path.open("a") as stream:
                stream.write(f"{json.dumps({'batch': number, 'scores': scores})}\n")


def digest(work: Work) -> str:
    """SHA-256 of all that the scores of a batch depend on."""
    told = {
        "weights": work.file.metadata["content_sha256"],
        "networks": work.networks,
        "images": list(work.examples.names),
        "labels": work.examples.labels.tolist(),
        "settings": work.settings,
        "batch": work.batch,
    }
    pixels = work.examples.pixels
    data = b"" if pixels is None else pixels.tobytes()
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode() + data).hexdigest()


def _lines(path: Path) -> Iterator[Any]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise GhostError(f"cannot read the journal {path}: {error}") from None
    for line in text.split("\n")[:-1]:  # what comes after the last end of a line was cut off
        try:
            yield json.loads(line)
        except ValueError:
            raise GhostError(f"{path} is no journal of an evaluation: {line[:40]!r}") from None
