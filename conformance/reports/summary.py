"""Counts, ratios and commands of verdicts, as every report writes them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.cases.case import split_pair
from conformance.judging.verdict import Status, Verdict

LABELS = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.ERROR: "errors",
    Status.SKIP: "skipped",
    Status.KNOWN: "known",
}
Counts = Mapping[Status, int]


def count(verdicts: Iterable[Verdict]) -> Counter[Status]:
    """The number of verdicts of each status."""
    return Counter(verdict.status for verdict in verdicts)


def count_run(counts: Counts) -> int:
    """The number of cases that were not skipped."""
    return sum(counts.values()) - counts.get(Status.SKIP, 0)


def counts_text(counts: Counts, *, always: Iterable[Status] = (Status.PASS,)) -> str:
    """The counts in a line; those of `always` even where they are 0.

    >>> counts_text({Status.FAIL: 2})
    '0 passed, 2 failed'
    """
    found = [each for each in Status if counts.get(each) or each in always]
    return ", ".join(_counted(counts.get(status, 0), status) for status in found)


def _counted(number: int, status: Status) -> str:
    is_one_error = status is Status.ERROR and number == 1
    return "1 error" if is_one_error else f"{number} {LABELS[status]}"


def conclusion(verdicts: Sequence[Verdict], not_green: Sequence[str] = ()) -> str:
    """The end of a run in a few words.

    >>> conclusion([Verdict(Status.PASS, case="a", tier="exact", implementation="mine")])
    'every case passed: 1'
    """
    counts = count(verdicts)
    bad, ran = counts[Status.FAIL] + counts[Status.ERROR], count_run(counts)
    if bad:
        return f"{bad:,} of {ran:,} cases failed"
    if not ran:
        return "nothing ran"
    passed = f"every case passed: {counts[Status.PASS]:,}"
    if counts[Status.KNOWN]:
        passed = f"{counts[Status.PASS]:,} cases passed, {counts[Status.KNOWN]:,} known to fail"
    return f"not green, though {passed}" if not_green else passed


@dataclass(frozen=True)
class Skip:
    """A reason for which an implementation skipped cases."""

    reason: str
    implementation: str
    tiers: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many cases."""
        return sum(self.tiers.values())


def skips(verdicts: Iterable[Verdict]) -> list[Skip]:
    """The reasons for skips, the commonest first."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for verdict in verdicts:
        if verdict.status is Status.SKIP:
            place = (verdict.message, verdict.implementation)
            found.setdefault(place, Counter())[verdict.tier] += 1
    return sorted((Skip(*place, tiers) for place, tiers in found.items()), key=lambda s: -s.count)


def ratios(verdicts: Iterable[Verdict]) -> list[float]:
    """The ratios of error to allowed, of those verdicts that have one."""
    return [verdict.ratio for verdict in verdicts if verdict.ratio is not None]


def rerun_command(verdict: Verdict, options: str = "") -> str:
    """The command that runs a case again; a pair needs the writer of its file too.

    `options` are those with which a tier has the case.
    """
    case, writer = split_pair(verdict.case)
    names = dict.fromkeys(filter(None, (verdict.implementation, writer)))
    chosen = " ".join(f"--implementation {shlex.quote(name)}" for name in names)
    command = f"ghost-conformance run {chosen} --tier {verdict.tier} --case {shlex.quote(case)}"
    return f"{command} {options}".strip()
