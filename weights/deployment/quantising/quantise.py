"""An artefact in int8 made of one in float, and judged on images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from weights import checks
from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.inventory import Inventory
from weights.deployment.notes import INT8
from weights.deployment.quantising import executorch, litert, onnx, openvino, pt2
from weights.deployment.quantising.quantiser import Quantiser
from weights.deployment.quantising.samples import Samples
from weights.deployment.quantising.verdict import MOST_LOST, Damage, Verdict, judge, relative_error
from weights.deployment.targets import TARGETS
from weights.errors import ArgumentError, ArtefactError
from weights.files.writing import PathLike
from weights.networks.architectures import Config

QUANTISERS: Mapping[str, Quantiser] = {
    "executorch": executorch,
    "litert": litert,
    "onnx": onnx,
    "openvino": openvino,
    "pt2": pt2,
}
# Images that set ranges, and that stages are ranked by.
RANGES, RANKED = 100, 100
WORST = 5


@dataclass(frozen=True)
class Int8:
    """What an export in int8 is to be made of and judged by.

    Args:
        ranges: images of the kind that the network will see, at most 100 of which set the ranges.
        judged: the images of the verdict; by default those of `ranges` that set none, at least
            half of them.
        keep_float: how many of the stages that lose most stay in float; with 0 they are ranked and
            none stays, without it they are ranked only where the verdict is bad.
        most_lost: percentage points of accuracy that may be lost, or without labels of predictions
            that may change.
    """

    ranges: Samples
    judged: Samples | None = None
    keep_float: int | None = None
    most_lost: float = MOST_LOST

    def __post_init__(self) -> None:
        if self.keep_float is not None:
            checks.integer("keep_float", self.keep_float, minimum=0)
        checks.number("most_lost", self.most_lost, minimum=-np.inf, maximum=100)

    def check(self, plan: Config) -> None:
        """Raise `ArgumentError` where a network cannot take the images, or has no such classes."""
        for samples in self.split():
            samples.check(plan)

    def split(self) -> tuple[Samples, Samples]:
        """Return the images that set the ranges, and those of the verdict, which are others."""
        given = self.ranges
        if self.judged is not None:
            return given.only(given.spread(RANGES)), self.judged
        if len(given) < 2:
            raise ArgumentError(
                "`ranges` must be 2 images or more where no others are judged, as none that sets "
                "the ranges is, got 1"
            )
        chosen = given.spread(min(RANGES, len(given) // 2))
        return given.only(chosen), given.only(~chosen)


@dataclass(frozen=True, repr=False)
class Quantised:
    """What became of a network in int8; prints as a table.

    Args:
        verdict: on the artefact as it was written.
        ranges: how many images set the ranges.
        ranking: what each stage costs, the worst first; empty where none was asked for.
        kept: the stages that stayed in float.
        without: the verdict on the artefact without them.
    """

    verdict: Verdict
    ranges: int
    ranking: tuple[Damage, ...] = field(default=())
    kept: tuple[str, ...] = ()
    without: Verdict | None = None

    def __str__(self) -> str:
        lines = [f"int8, ranges of {self.ranges} other images: {self.verdict}"]
        if self.without is not None:
            lines.append(f"in float: {', '.join(self.kept)}; without that: {self.without}")
        if self.ranking:
            lines.append("stages by their damage, each alone in int8:")
            lines += [f"  {damage}" for damage in self.ranking[:WORST]]
        return "\n  ".join(lines)

    __repr__ = __str__


def quantiser_of(to: str) -> Quantiser:
    """Return the quantiser of a target; raises `ArgumentError` where its runtime has none."""
    if to not in QUANTISERS:
        raise ArgumentError(
            f"`to` must be one of {', '.join(QUANTISERS)} in int8, got {to}: its runtime has no "
            "quantiser here"
        )
    return QUANTISERS[to]


def inventory_of(to: str, path: PathLike) -> Inventory | None:
    """Return what the artefact of a target stores; `None` where nobody here reads that."""
    quantiser = QUANTISERS.get(to)
    return None if quantiser is None else quantiser.inventory(Path(path))


def quantise(source: Path, path: Path, to: str, wanted: Int8) -> Quantised:
    """Write an artefact in int8 and judge it.

    Args:
        source: the artefact in float, beside which temporary files are written.
        path: the artefact in int8.
        to: its target.
        wanted: images, stages in float, and what may be lost.

    Raises `ArtefactError` where more is lost than may be.
    """
    job = _Job(source, to, wanted)
    verdict = job.judged(path, ())
    if wanted.keep_float is None and verdict.passed:
        return Quantised(verdict, len(job.x))
    job.check_kept(wanted.keep_float or 0)
    ranking = job.ranking(source.with_name(f"ranked{TARGETS[job.quantiser.TRIED].suffix}"))
    kept = tuple(damage.stage for damage in ranking[: wanted.keep_float or 0])
    result = Quantised(verdict, len(job.x), ranking)
    if kept:
        result = replace(result, verdict=job.judged(path, kept), kept=kept, without=verdict)
    if not result.verdict.passed:
        raise ArtefactError(
            f"int8 loses more than it may; keep more stages in float, give more images, or "
            f"allow more:\n  {result}"
        )
    return result


class _Job:
    """The parts of `quantise`: one artefact in float, and its logits on the images."""

    def __init__(self, source: Path, to: str, wanted: Int8) -> None:
        self.source, self.quantiser, self.most_lost = source, quantiser_of(to), wanted.most_lost
        self.notes = replace(read_notes(source)[1], dtype=INT8)
        ranges, self.samples = wanted.split()
        self.x = ranges.x
        self.exact = open_artefact(source).run(self.samples.x)

    def judged(self, path: Path, kept: Collection[str]) -> Verdict:
        """Write an artefact with these stages in float, and judge it."""
        self.quantiser.quantise(self.source, path, self.notes, self.x, kept)
        made = open_artefact(path).run(self.samples.x)
        return judge(self.exact, made, self.samples, self.most_lost)

    def check_kept(self, kept: int) -> None:
        """Raise `ArgumentError` where so many stages in float leave none in int8."""
        most = len(self.quantiser.stages(self.source)) - 1
        if kept > most:
            raise ArgumentError(
                f"`keep_float` must leave a stage in int8, at most {most} here, got {kept}"
            )

    def ranking(self, path: Path) -> tuple[Damage, ...]:
        """Quantise each stage alone, and order them by the error of the logits."""
        stages, few = self.quantiser.stages(self.source), self.samples.spread(RANKED)
        x, exact = self.samples.x[few], self.exact[few]
        found = []
        for stage in stages:
            others = [each for each in stages if each != stage]
            self.quantiser.quantise(self.source, path, self.notes, self.x, others)
            made = open_artefact(path).run(x)
            changed = int((made.argmax(1) != exact.argmax(1)).sum())
            found.append(Damage(stage, relative_error(exact, made), changed))
        return tuple(sorted(found, key=lambda damage: -damage.error))
