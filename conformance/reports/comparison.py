"""Two reports compared: what fails newly, what was mended, what only one of them judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.judging.verdict import Status, Verdict
from conformance.reports.report import Report
from conformance.running.journal import Key, key


class Change(StrEnum):
    """A difference between two verdicts of one case; the first two make a report worse."""

    FAILS = "fails newly"
    LOST = "passed, and is not judged any more"
    MENDED = "mended"
    OTHER = "changed otherwise"
    ADDED = "only in the later report"
    REMOVED = "only in the earlier report"


WORSE = (Change.FAILS, Change.LOST)


@dataclass(frozen=True)
class Comparison:
    """The changes from an earlier report to a later one, and how long each implementation took."""

    changes: Mapping[Key, Change] = field(repr=False)
    before: Mapping[Key, Verdict] = field(repr=False)
    after: Mapping[Key, Verdict] = field(repr=False)
    seconds: Mapping[str, tuple[float | None, float | None]]

    @property
    def is_worse(self) -> bool:
        """Whether something fails newly, or is not judged any more."""
        return any(change in WORSE for change in self.changes.values())

    def of(self, change: Change) -> list[Key]:
        """The places of one kind of change."""
        return [place for place, each in self.changes.items() if each is change]

    def describe(self, place: Key) -> str:
        """A change in a line."""
        tier, case, name = place
        statuses = (found.get(place) for found in (self.before, self.after))
        before, after = ("absent" if each is None else each.status.value for each in statuses)
        message = self.after[place].message if place in self.after else ""
        return f"{tier} {case} [{name}]: was {before}, is {after}" + f": {message}" * bool(message)


def compare(before: Report, after: Report) -> Comparison:
    """The changes from one report to another."""
    old, new = ({key(each): each for each in report.verdicts} for report in (before, after))
    found = {place: _change(old.get(place), new.get(place)) for place in {**new, **old}}
    changes = {place: change for place, change in found.items() if change is not None}
    first, second = (
        {each["name"]: each["seconds"] for each in report.footer["effort"]}
        for report in (before, after)
    )
    times = {name: (first.get(name), second.get(name)) for name in {**first, **second}}
    return Comparison(changes, old, new, times)


def _change(before: Verdict | None, after: Verdict | None) -> Change | None:
    if after is not None and after.is_bad and not (before is not None and before.is_bad):
        return Change.FAILS
    was_passed = before is not None and before.status is Status.PASS
    if was_passed and (after is None or after.status is Status.SKIP):
        return Change.LOST
    if before is None or after is None:
        return Change.ADDED if before is None else Change.REMOVED
    if before.is_bad and after.status is Status.PASS:
        return Change.MENDED
    return Change.OTHER if before.status is not after.status else None
