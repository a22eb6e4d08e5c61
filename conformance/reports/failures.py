"""The failures of an earlier run, from its report, so that exactly those run again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.cases.case import split_pair
from conformance.reports.report import lines_of, read_report
from conformance.running.journal import Key, key
from weights import ArgumentError
from weights.text import brief


@dataclass(frozen=True)
class Rerun:
    """The verdicts that are wanted again, their implementations, and the size of that run."""

    keys: frozenset[Key] = field(repr=False)
    names: tuple[str, ...]
    random: int
    full: bool
    not_green: tuple[str, ...] = ()
    """The other reasons for which that run was not green."""

    @property
    def cases(self) -> list[str]:
        """The ids of the cases, of a pair without the writer of its file."""
        return list(dict.fromkeys(split_pair(case)[0] for _, case, _ in sorted(self.keys)))


def read_failures(path: Path, names: Sequence[str], tiers: Sequence[str]) -> Rerun:
    """The failures and errors in a report, of these implementations and tiers or of all.

    `path` is a report.jsonl, or its folder.

    Raises `FormatError` for a damaged report, `ArgumentError` for what that run did not have.
    """
    report = read_report(lines_of(path))
    _check_had("implementation", names, report.header["implementations"], path)
    _check_had("tier", tiers, report.header["tiers"], path)
    bad = [
        verdict
        for verdict in report.verdicts
        if verdict.is_bad
        and (not names or verdict.implementation in names)
        and (not tiers or verdict.tier in tiers)
    ]
    # To run a pair again, the writer of its file is needed too.
    involved = [name for v in bad for name in (v.implementation, split_pair(v.case)[1]) if name]
    settings = report.header.get("settings", {})
    return Rerun(
        frozenset(map(key, bad)),
        tuple(dict.fromkeys(involved)),
        settings.get("random", 0),
        settings.get("full", False),
        tuple(report.footer.get("not_green", ())),
    )


def _check_had(kind: str, named: Sequence[str], had: Collection[str], path: Path) -> None:
    missing = [name for name in named if name not in had]
    if missing:
        raise ArgumentError(
            f"`--failed` with `--{kind}` {missing[0]} needs a report of it, {path} has "
            f"{brief(', '.join(had))}"
        )
