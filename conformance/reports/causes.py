"""The causes of failures: failures that look alike, and what their cases alone have in common.

Failures of an implementation look alike where they have the same hint, or without one the same
message in tiers of one kind, numbers left aside. The traits of such failures (those of
`conformance.cases.traits`) are had by all of their cases and by no case that passed, with any data
or with data that failed somewhere: zeros pass whatever is wrong. Failures that the traits of a
larger group explain belong to it. Failures without a hint and without a common trait are parted
where few traits explain all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from conformance.cases.traits import facts, ranges, traits
from conformance.judging.verdict import Status, Verdict
from conformance.reports.report import Report
from conformance.tiers import TIERS, ModuleTier

# A number that stands alone; the digits of `primary_conv.0.weight` name a tensor.
NUMBER = re.compile(r"(?<![\w.])-?\d[\d.e+-]*|\b-?(?:inf|nan)\b")
DETAIL = re.compile(r" ?\([^()]*\)")
MOST_TRAITS, MOST_PARTS = 2, 3
LAYER = "layer"


@dataclass(frozen=True)
class Cause:
    """Failures of an implementation that have one cause, the simplest case first.

    `title` is what most of them look like, `others` what the rest does. `traits` are those that all
    of their cases have and no case that passed, empty where none tells.
    """

    implementation: str
    title: str
    others: tuple[str, ...]
    traits: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = field(repr=False)

    def __str__(self) -> str:
        found = Counter(verdict.status for verdict in self.verdicts)
        words = ((Status.FAIL, "failure"), (Status.ERROR, "error"))
        counts = [f"{found[s]} {word}{'s' * (found[s] > 1)}" for s, word in words if found[s]]
        single = ", one cause" * (len(self.verdicts) > 1)
        return f"{' and '.join(counts)}{single}: {self.title}"

    @property
    def scope(self) -> str:
        """The traits in words."""
        return f"only with {' and '.join(self.traits)}" if self.traits else ""

    @property
    def tiers(self) -> dict[str, int]:
        """The number of its failures in each tier."""
        return dict(Counter(verdict.tier for verdict in self.verdicts))


@dataclass(frozen=True)
class _Failure:
    verdict: Verdict
    kind: str
    traits: tuple[str, ...]

    @property
    def has_hint(self) -> bool:
        return bool(self.verdict.hint)

    @property
    def look(self) -> tuple[str, str]:
        return "" if self.has_hint else self.kind, look(self.verdict)


def find_causes(report: Report) -> list[Cause]:
    """The causes of all failures and errors of a report, the largest first."""
    causes = [cause for name in report.names for cause in _find(report, name)]
    return sorted(causes, key=lambda cause: -len(cause.verdicts))


def look(verdict: Verdict) -> str:
    """The hint of a failure, or its message, without numbers and details.

    >>> look(Verdict(Status.FAIL, hint="only channel 3 is wrong", case="a", tier="exact",
    ...              implementation="mine"))
    'only channel ... is wrong'
    """
    return NUMBER.sub("...", _text(verdict))


def _text(verdict: Verdict) -> str:
    return DETAIL.sub("", verdict.hint) if verdict.hint else verdict.message.partition("\n")[0]


def _find(report: Report, name: str) -> Iterator[Cause]:
    evidence = _Evidence(report, name)
    alike: dict[tuple[str, str], list[_Failure]] = {}
    for failure in evidence.failures:
        alike.setdefault(failure.look, []).append(failure)
    found: list[tuple[tuple[str, ...], list[_Failure]]] = []
    for group in sorted(alike.values(), key=lambda each: (not each[0].has_hint, -len(each))):
        rest = group
        for common, explained in found:
            same = [failure for failure in rest if evidence.explains(common, failure)]
            # Failures with one hint stay together.
            if len(same) == len(rest) or not group[0].has_hint:
                explained += same
                rest = [each for each in rest if not evidence.explains(common, each)]
        found += [(evidence.common(part), part) for part in evidence.parts(rest)]
    for common, group in found:
        yield _cause(name, group, common)


def _cause(name: str, group: Sequence[_Failure], common: tuple[str, ...]) -> Cause:
    looks = Counter(look(failure.verdict) for failure in group)
    first, *others = (text for text, _ in looks.most_common())
    verdicts = tuple(each.verdict for each in group)
    title = _in_common([_text(each) for each in verdicts if look(each) == first])
    return Cause(name, title, tuple(others), common, verdicts)


def _in_common(texts: Sequence[str]) -> str:
    """The words of texts that differ in numbers alone, with dots for the numbers that differ."""
    words = zip(*(text.split() for text in dict.fromkeys(texts)), strict=False)
    return " ".join(each[0] if len(set(each)) == 1 else "..." for each in words)


class _Evidence:
    """The failures of an implementation, and the traits of the cases that it passed."""

    def __init__(self, report: Report, name: str) -> None:
        own = [verdict for verdict in report.verdicts if verdict.implementation == name]
        known = {id(each): facts(case) if (case := report.case(each)) else {} for each in own}
        self.failures: list[_Failure] = []
        self._passed: dict[str, list[set[frozenset[str]]]] = {}
        for kind in dict.fromkeys(_kind(each.tier) for each in own):
            here = [each for each in own if _kind(each.tier) == kind]
            bad = [each for each in here if each.is_bad]
            passed = [known[id(each)] for each in here if each.status is Status.PASS]
            telling = {known[id(each)].get("data") for each in bad}
            same = [each for each in passed if each.get("data") in telling]
            limits = ranges(same or passed)
            self.failures += [
                _Failure(each, kind, tuple(traits(known[id(each)], limits))) for each in bad
            ]
            self._passed[kind] = [
                {frozenset(traits(each, limits)) for each in some}
                for some in (passed, same)
                if some
            ]

    def common(self, group: Sequence[_Failure]) -> tuple[str, ...]:
        """The fewest traits that all failures of the commonest kind have and no passed case."""
        ((kind, _),) = Counter(failure.kind for failure in group).most_common(1)
        own = [failure.traits for failure in group if failure.kind == kind]
        shared = [trait for trait in own[0] if all(trait in each for each in own)]
        if len(own) < 2:
            return ()
        several = (
            each for most in range(1, MOST_TRAITS + 1) for each in combinations(shared, most)
        )
        return next((each for each in several if self._tells(each, kind)), ())

    def explains(self, common: tuple[str, ...], failure: _Failure) -> bool:
        """True of traits that a failure has and no passed case of its kind."""
        has_all = bool(common) and set(common) <= set(failure.traits)
        return has_all and self._tells(common, failure.kind)

    def parts(self, group: list[_Failure]) -> list[list[_Failure]]:
        """The failures of each of the few traits that explain all; else the whole group."""
        if not group or group[0].has_hint or self.common(group):
            return [group] if group else []
        rest = list(group)
        parts: list[list[_Failure]] = []
        while rest and len(parts) < MOST_PARTS:
            counts = Counter(trait for failure in rest for trait in failure.traits)
            telling = (
                each for each in counts.most_common() if self._tells(each[:1], group[0].kind)
            )
            trait, count = next(telling, ("", 0))
            if count < 2:
                return [group]
            parts.append([failure for failure in rest if trait in failure.traits])
            rest = [failure for failure in rest if trait not in failure.traits]
        return [group] if rest else parts

    def _tells(self, some: Iterable[Any], kind: str) -> bool:
        """True of traits that no passed case has, of all or of those with data that failed."""
        wanted = frozenset(some)
        return any(not any(wanted <= each for each in passed) for passed in self._passed[kind])


def _kind(tier: str) -> str:
    """The tier, or one name for those that judge the output of a GhostConv."""
    found = TIERS.get(tier)
    return LAYER if found is not None and issubclass(found, ModuleTier) else tier
