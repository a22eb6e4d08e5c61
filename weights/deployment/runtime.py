"""An artefact that is open: images in, results out, whatever its own layout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from weights.deployment.notes import Notes
from weights.errors import ArgumentError, FormatError


@dataclass(frozen=True)
class Runtime:
    """An artefact in its own runtime.

    Args:
        notes: what it carries.
        call: runs an input in float32 and in the artefact's own layout and batch.
        largest: the most images, and the largest height and width, that one call takes, where it
            reserves its memory for them.
    """

    notes: Notes
    call: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    largest: tuple[int, int, int] | None = None

    def run(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) in float32 to (N, C', H', W') or (N, classes).

        More images than one call takes are run in several. Raises `ArgumentError` for images of
        another size than a fixed one, or larger than the largest.
        """
        wanted, found = self.notes.size, x.shape[2:]
        if wanted is not None and found != wanted:
            raise ArgumentError(
                f"the artefact takes images of {wanted[0]} x {wanted[1]} (height x width), got "
                f"{found[0]} x {found[1]}: resize them, or export it without a size"
            )
        most, *sides = self.largest or (len(x), *found)
        if any(side > limit for side, limit in zip(found, sides, strict=True)):
            raise ArgumentError(
                f"the artefact takes images of at most {sides[0]} x {sides[1]} (height x width), "
                f"got {found[0]} x {found[1]}: export it for that size"
            )
        step = self.notes.batch or min(len(x), most)
        parts = [x[start : start + step] for start in range(0, len(x), step)]
        return np.concatenate([self._run(part) for part in parts])

    def _run(self, x: np.ndarray) -> np.ndarray:
        is_last = self.notes.layout == "nhwc"
        given = x.transpose(0, 2, 3, 1) if is_last else x
        made = np.asarray(self.call(np.ascontiguousarray(given, np.float32)), np.float32)
        return made.transpose(0, 3, 1, 2) if is_last and made.ndim == 4 else made


def without_notes(path: Path) -> FormatError:
    """Make the error of an artefact that has no notes, or more than one."""
    return FormatError(
        f"{path} has no notes of this project: it was made by another tool, or they were removed"
    )


class Reader(Protocol):
    """A file of `weights.deployment.runtimes`."""

    def read_notes(self, path: Path) -> Notes:
        """The notes of an artefact; raises `GhostError` where it cannot be read, or has none."""

    def open_artefact(self, path: Path, *, threads: int | None = None) -> Runtime:
        """The artefact in its runtime, on so many threads, in float32 unless its notes say other.

        Raises `GhostError` where it cannot be read or has no notes.
        """
