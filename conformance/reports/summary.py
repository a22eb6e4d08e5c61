"""Counts, ratios and commands of verdicts, as every report writes them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping

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
    return ", ".join(f"{counts.get(status, 0)} {LABELS[status]}" for status in found)


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
