"""The results of a run, and whether enough was judged for them to count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from conformance.judging.verdict import Status, Verdict
from conformance.running.shards import Shard


@dataclass(frozen=True)
class Run:
    """The results of a run."""

    verdicts: list[Verdict] = field(repr=False)
    versions: dict[str, dict[str, str]]
    seconds: float
    tracebacks: list[str] = field(default_factory=list, repr=False)
    """Tracebacks of tiers that raised: the harness failed, whatever the verdicts say."""
    outputs: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """Seconds that an implementation's outputs took: the first time, and repeated."""
    violations: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Forbidden acts that were observed of an implementation."""
    was_stopped: bool = False
    """Whether it ended early, at the largest number of failures."""
    shard: Shard | None = None
    """The share of a run that it is, if it is no whole one."""

    @property
    def has_failed(self) -> bool:
        """Whether any case failed or gave no result."""
        return any(verdict.is_bad for verdict in self.verdicts)


@dataclass(frozen=True)
class Timing:
    """The time that an implementation took, judging included.

    `compilation` is the share by which its outputs took longer the first time than repeated, None
    where they were not repeated.
    """

    name: str
    seconds: float
    speed: float
    compilation: float | None


def timings(run: Run) -> list[Timing]:
    """The timing of every implementation."""
    return [_timing(name, run) for name in run.versions]


def _timing(name: str, run: Run) -> Timing:
    own = [verdict for verdict in run.verdicts if verdict.implementation == name]
    seconds = sum(verdict.seconds for verdict in own)
    first, repeated = run.outputs.get(name, (0.0, 0.0))
    share = max(first - repeated, 0.0) / seconds if repeated and seconds else None
    return Timing(name, seconds, len(own) / seconds if seconds else 0.0, share)


def offences(run: Run) -> list[str]:
    """The violations that make the verdicts of an implementation worthless, one line each."""
    return [f"{name}: {violation}" for name, found in run.violations.items() for violation in found]


def unjudged(run: Run) -> list[str]:
    """The tiers of which less than half was judged: their passes say little."""
    total = Counter((verdict.implementation, verdict.tier) for verdict in run.verdicts)
    skips = (verdict for verdict in run.verdicts if verdict.status is Status.SKIP)
    skipped = Counter((verdict.implementation, verdict.tier) for verdict in skips)
    return [
        f"{name} judged by {total[name, tier] - count} of {total[name, tier]} cases of tier {tier}"
        for (name, tier), count in skipped.items()
        if 2 * count > total[name, tier]
    ]


def doubts(run: Run) -> list[str]:
    """The reasons, beside its verdicts, for which a run is not green.

    A shard has a part of a tier: whether enough of it was judged is said of all shards together.
    """
    return [*offences(run), *(unjudged(run) if run.shard is None else ())]


def is_green(run: Run) -> bool:
    """Whether a run shows that everything is right, which one that judged nothing does not."""
    has_judged = any(verdict.status is not Status.SKIP for verdict in run.verdicts)
    return has_judged and not (run.tracebacks or run.has_failed or doubts(run))
