"""What failed in an earlier run, so that the same is run again: no more, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.cases.case import split_pair
from conformance.reports.report import read_report
from conformance.running.journal import Key, key


@dataclass(frozen=True)
class Rerun:
    """The verdicts to be had anew, whose they were, and how large that run was."""

    keys: frozenset[Key] = field(repr=False)
    names: tuple[str, ...]
    random: int
    full: bool

    @property
    def cases(self) -> list[str]:
        """The cases, without who wrote a file."""
        return list(dict.fromkeys(split_pair(case)[0] for _, case, _ in sorted(self.keys)))


def read_failures(path: Path, names: Sequence[str], tiers: Sequence[str]) -> Rerun:
    """What failed in a report, or gave no result, of these implementations and tiers or of all.

    Raises `FormatError` for a damaged report.
    """
    report = read_report(path)
    bad = [
        verdict
        for verdict in report.verdicts
        if verdict.is_bad
        and (not names or verdict.implementation in names)
        and (not tiers or verdict.tier in tiers)
    ]
    # A pair needs the writer of its file too.
    whose = {name: None for v in bad for name in (v.implementation, split_pair(v.case)[1]) if name}
    settings = report.header.get("settings", {})
    keys = frozenset(map(key, bad))
    return Rerun(keys, tuple(whose), settings.get("random", 0), settings.get("full", False))
