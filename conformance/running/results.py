"""What a run found out, and whether that says anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from conformance.implementations.precision import Precision
from conformance.judging.verdict import Status, Verdict


@dataclass(frozen=True)
class Run:
    """Everything that a run found out."""

    verdicts: list[Verdict] = field(repr=False)
    versions: dict[str, dict[str, str]]
    seconds: float
    broken: list[str] = field(default_factory=list, repr=False)
    """Tracebacks of tiers that raised: the harness failed, whatever the verdicts say."""
    outputs: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """Seconds that an implementation's outputs took: the first time, and repeated."""
    precisions: dict[str, Precision] = field(default_factory=dict, repr=False)
    """What an implementation says of its arithmetic."""
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """What an implementation was seen to do that it must not."""
    was_stopped: bool = False
    """Whether it ended early, with as many failures as were allowed."""

    @property
    def has_failed(self) -> bool:
        """Whether any case failed or gave no result."""
        return any(verdict.is_bad for verdict in self.verdicts)


@dataclass(frozen=True)
class Effort:
    """What an implementation took, judging included.

    `compilation` is the share by which its outputs took longer the first time than repeated, None
    where they were not repeated.
    """

    name: str
    seconds: float
    speed: float
    compilation: float | None


def efforts(run: Run) -> list[Effort]:
    """The effort of every implementation."""
    return [_effort(name, run) for name in run.versions]


def _effort(name: str, run: Run) -> Effort:
    own = [verdict for verdict in run.verdicts if verdict.implementation == name]
    seconds = sum(verdict.seconds for verdict in own)
    first, again = run.outputs.get(name, (0.0, 0.0))
    share = max(first - again, 0.0) / seconds if again and seconds else None
    return Effort(name, seconds, len(own) / seconds if seconds else 0.0, share)


def offences(run: Run) -> list[str]:
    """What implementations did that makes their verdicts worthless."""
    return [f"{name}: {remark}" for name, found in run.remarks.items() for remark in found]


def unjudged(run: Run) -> list[str]:
    """The tiers of which less than half was judged: their passes say little."""
    total = Counter((verdict.implementation, verdict.tier) for verdict in run.verdicts)
    skipped = Counter(
        (verdict.implementation, verdict.tier)
        for verdict in run.verdicts
        if verdict.status is Status.SKIP
    )
    return [
        f"{name} judged by {total[name, tier] - count} of {total[name, tier]} cases of tier {tier}"
        for (name, tier), count in skipped.items()
        if 2 * count > total[name, tier]
    ]


def is_green(run: Run) -> bool:
    """Whether a run shows that everything is right."""
    return not (run.broken or run.has_failed or offences(run) or unjudged(run))
