"""The judgement of an artefact by its outputs: the baseline rule of `docs/tolerances.md`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from weights.deployment.notes import Notes
from weights.deployment.runtime import Runtime
from weights.deployment.samples import images
from weights.errors import ArgumentError, ArtefactError, GhostError
from weights.text import brief

# From (N, C, H, W) in float32 to (N, C', H', W') or (N, classes).
Network = Callable[[np.ndarray], np.ndarray]

UNIT_ROUNDOFFS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# The factor of every rule of this project, and the roundings of the largest value that it grants.
FACTOR, ROUNDINGS = 4, 4
BATCHES = (1, 5)


@dataclass(frozen=True)
class Judges:
    """What an artefact is held against.

    Args:
        exact: the module as it was given, in float64.
        rounded: the same, and the form that is exported, in the artefact's type: their largest
            error is the measure.
    """

    exact: Network
    rounded: Sequence[Network]


@dataclass(frozen=True)
class Check:
    """The largest error over the images of one call, and what was allowed."""

    batch: int
    size: tuple[int, int]
    error: float
    allowed: float

    @property
    def ratio(self) -> float:
        """The error by what is allowed: at most 1 passes."""
        return self.error / self.allowed if self.allowed else float(self.error > 0)

    def __str__(self) -> str:
        images = f"{self.batch} x {self.size[0]} x {self.size[1]}"
        return f"{images}: error {self.error:.2g} of {self.allowed:.2g} ({self.ratio:.2f})"


@dataclass(frozen=True, repr=False)
class Proof:
    """That an artefact computes what its module does, input by input; prints as a table.

    `agreeing` of the `shown` images that were given have the same class.
    """

    checks: tuple[Check, ...]
    shown: int = 0
    agreeing: int = 0

    @property
    def worst(self) -> Check:
        """The check with the largest ratio."""
        return max(self.checks, key=lambda check: check.ratio)

    @property
    def passed(self) -> bool:
        """Whether every error is allowed and every class the same."""
        return self.worst.ratio <= 1 and self.agreeing == self.shown

    def __str__(self) -> str:
        lines = ["proved" if self.passed else "refused", *map(str, self.checks)]
        if self.shown:
            lines.append(f"the same class for {self.agreeing} of {self.shown} images")
        return "\n  ".join(lines)

    __repr__ = __str__


def prove(
    runtime: Runtime, judges: Judges, *, given: Sequence[np.ndarray] = (), seed: int = 0
) -> Proof:
    """Run an artefact and the network that it was made of side by side.

    Args:
        runtime: the artefact, as its own runtime has read it.
        judges: what it is held against.
        given: inputs (N, C, H, W) of the user's own, for each of which the class must be the same.
        seed: of the images that are drawn.

    Raises `ArtefactError` where a result is not that of the network.
    """
    drawn = [_check(runtime, judges, x) for x in _inputs(runtime.notes, seed)]
    shown = [_check(runtime, judges, x) for x in given]
    agreeing = sum(same for _, same in shown)
    checks = tuple(check for check, _ in (*drawn, *shown))
    proof = Proof(checks, sum(map(len, given)), agreeing)
    if not proof.passed:
        raise ArtefactError(f"the artefact does not compute what its weights do: {proof}")
    return proof


def sizes(notes: Notes) -> list[tuple[int, int]]:
    """Return the heights and widths at which an artefact is judged: the usual, one odd, one not."""
    if notes.size is not None:
        return [notes.size]
    plan = notes.plan
    (height, width), least = plan.default_size, plan.minimum_size
    others = [(height // 2 + 1, width // 2 + 8), (height // 2 + 4, width // 2 - 1)]
    return [(max(h, least), max(w, least)) for h, w in [(height, width), *others]]


def _inputs(notes: Notes, seed: int) -> Iterator[np.ndarray]:
    found = sizes(notes)
    for index, size in enumerate(found if len(found) > 1 else found * len(BATCHES)):
        batch = BATCHES[index % len(BATCHES)]
        channels = notes.plan.input_channels
        yield images(batch, channels, size, notes.preprocess, seed + index)


def _check(runtime: Runtime, judges: Judges, x: np.ndarray) -> tuple[Check, int]:
    """Judge one input: the check, and how many of its images have the class that they should."""
    _check_size(runtime.notes, x)
    exact = np.asarray(judges.exact(x), np.float64)
    made = _made(runtime, x)
    if made.shape != exact.shape:
        raise ArtefactError(
            f"the artefact makes {made.shape} of images {x.shape}, its weights {exact.shape}"
        )
    unit = UNIT_ROUNDOFFS[runtime.notes.dtype]
    measured = max(_largest(np.asarray(run(x), np.float64) - exact) for run in judges.rounded)
    allowed = FACTOR * (measured + ROUNDINGS * unit * _largest(exact))
    check = Check(len(x), x.shape[2:], _largest(made - exact), allowed)
    return check, _agreeing(made, exact, allowed)


def _made(runtime: Runtime, x: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(runtime.run(x), np.float64)
    except GhostError:
        raise
    except Exception as error:  # of the runtime's own kinds, which have no common base
        raise ArtefactError(
            f"the artefact cannot run on images {x.shape}, though its notes take them: "
            f"{brief(str(error))}"
        ) from None


def _largest(values: np.ndarray) -> float:
    largest = float(np.abs(values).max())
    return largest if np.isfinite(largest) else np.inf


def _agreeing(made: np.ndarray, exact: np.ndarray, allowed: float) -> int:
    """Count the images with the same class; classes nearer than what is allowed are the same."""
    if exact.ndim != 2:
        return len(exact)
    chosen = np.take_along_axis(exact, made.argmax(1)[:, None], 1)
    return int((chosen[:, 0] >= exact.max(1) - 2 * allowed).sum())


def _check_size(notes: Notes, x: np.ndarray) -> None:
    if notes.size not in (None, x.shape[2:]):
        raise ArgumentError(
            f"the images must be {notes.size[0]} x {notes.size[1]} (height x width) for this "
            f"artefact, got {x.shape[2]} x {x.shape[3]}: crop them, or export another size"
        )
