"""Known deviations of an implementation: failures that somebody has looked at and explained.

A TOML file of `[[deviation]]` tables, each with `tier`, `id` (of the case), `reason` and, if there
are such, `link` and `where`. A failure in the list is `known`, neither passed nor failed; an entry
whose case does not fail is an error, so that the list cannot outlive what it excuses, unless
`where` says on which machines alone it fails.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from conformance.cases.case import split_pair
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.tiers import RandomTier, make_tiers
from conformance.tiers.base import DEFAULT_SETTINGS, Settings
from weights import FormatError
from weights.files.storage import read_bytes
from weights.text import brief

TABLE = "deviation"
IN_VAIN = "it is listed as a known deviation and did not fail: take it out of the list"


@dataclass(frozen=True)
class Deviation:
    """A failure that is known, and why it is accepted."""

    tier: str
    id: str
    reason: str
    link: str = ""
    where: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.link})" if self.link else self.reason


def read_deviations(path: Path) -> list[Deviation]:
    """The entries of a file; raises `FormatError`."""
    data = read_bytes(path)
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not TOML: {brief(error)}") from None
    entries = document.pop(TABLE, [])
    if document or not isinstance(entries, list):
        raise FormatError(f"{path} must hold [[{TABLE}]] tables and nothing else")
    return [_deviation(path, number, entry) for number, entry in enumerate(entries, start=1)]


def apply(
    verdicts: Iterable[Verdict],
    name: str,
    known: list[Deviation],
    settings: Settings = DEFAULT_SETTINGS,
) -> Iterator[Verdict]:
    """The verdicts of a run, with the known deviations of the implementation `name` marked.

    `settings` are those of the run. What is listed and did not fail is an error; an entry may be
    for a case that was not run, and one for no case at all comes last, as an error.
    """
    left = {(each.tier, each.id): each for each in known}
    for verdict in verdicts:
        entry = (
            left.pop((verdict.tier, verdict.case), None) if verdict.implementation == name else None
        )
        if entry is None:
            yield verdict
        elif verdict.is_bad:
            yield replace(verdict, status=Status.KNOWN, message=f"known: {entry}")
        else:
            yield verdict if entry.where else replace(verdict, status=Status.ERROR, message=IN_VAIN)
    for tier, case in sorted(left):
        if not _exists(tier, case, settings):
            yield Verdict.of(Outcome(Status.ERROR, message=IN_VAIN), case, tier, name)


def _exists(tier: str, case: str, settings: Settings) -> bool:
    """Whether the suite has such a case, in this run, in a full one or in one of more layers."""
    if tier == RandomTier.name:
        return True  # it is endless
    tiers = make_tiers(replace(settings, full=True), [tier])
    return split_pair(case)[0] in {case.id for tier in tiers for case in tier.cases()}


def _deviation(path: Path, number: int, entry: object) -> Deviation:
    names = [field.name for field in fields(Deviation)]
    is_table = isinstance(entry, dict) and all(isinstance(each, str) for each in entry.values())
    if not isinstance(entry, dict) or not is_table or not set(entry) <= set(names):
        raise FormatError(f"{path}: entry {number} must have texts called {', '.join(names)}")
    missing = [name for name in names[:3] if not entry.get(name)]
    if missing:
        raise FormatError(f"{path}: entry {number} lacks {', '.join(missing)}")
    return Deviation(**entry)
