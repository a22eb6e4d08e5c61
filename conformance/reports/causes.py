"""The causes of failures: failures that look alike, and what their cases alone have in common.

Failures of an implementation look alike where they share a part of their hints, or without hints
the message in tiers of one kind, numbers and quotations left aside. What explains a layer's failure
with some data is looked for with no others, and is theirs as well. The traits of such failures
(those of `conformance.cases.traits`) are had by all of their cases and by next to no case that
passed, with any data or with data that failed somewhere: zeros pass whatever is wrong. Traits count
only where that is no chance, and other failures that have them belong to the same cause. Where
nearly every case fails, what else is wrong cannot be told: these failures have one cause.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, islice
from math import comb

from conformance.cases.traits import facts, ranges, traits
from conformance.judging.explanations import EXPLAINED
from conformance.judging.verdict import Status, Verdict
from conformance.reports.report import Report
from conformance.tiers import TIERS, ModuleTier

# A number that stands alone; the digits of `primary_conv.0.weight` name a tensor.
NUMBER = re.compile(r"(?<![\w.])-?\d[\d.e+-]*|\b-?(?:inf|nan)\b")
SHARE = re.compile(r"\d+ of \d+ (?=elements)")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\([^()]*\)")
DETAIL = re.compile(r" ?\([^()]*\)")
MOST_TRAITS, MOST_PARTS = 2, 3
# Of the cases with a trait so many may pass, and the chance of it where the trait means nothing.
EXCEPTIONS, CHANCE = 0.1, 1e-4
# Nearly every case fails: this share, and of so many. A rerun of failures has nothing that passed.
NEARLY_ALL, LEAST_ALL = 0.9, 20
# A hint is many failures' where one in so many has it.
MANY = 3
LAYER = "layer"
SHRUNK_CAUSES = 10


@dataclass(frozen=True)
class Cause:
    """Failures of an implementation that have one cause.

    `title` is what they look like, `others` what some of them look like beside it, and `scope` what
    their cases alone have in common, empty where nothing tells.
    """

    implementation: str
    title: str
    others: tuple[str, ...]
    scope: str
    verdicts: tuple[Verdict, ...] = field(repr=False)

    def __str__(self) -> str:
        found = Counter(verdict.status for verdict in self.verdicts)
        words = ((Status.FAIL, "failure"), (Status.ERROR, "error"))
        counts = [f"{found[s]} {word}{'s' * (found[s] > 1)}" for s, word in words if found[s]]
        single = ", one cause" * (len(self.verdicts) > 1)
        return f"{' and '.join(counts)}{single}: {self.title}"

    @property
    def tiers(self) -> dict[str, int]:
        """The number of its failures in each tier."""
        return dict(Counter(verdict.tier for verdict in self.verdicts))


def find_causes(report: Report) -> list[Cause]:
    """The causes of all failures and errors of a report, the largest first."""
    causes = [cause for name in report.names for cause in _find(report, name)]
    return sorted(causes, key=lambda cause: -len(cause.verdicts))


def first_failures(report: Report) -> list[Verdict]:
    """The first failure of each of the largest causes: those that a report has shrunk."""
    own = ([v for v in cause.verdicts if v.status is Status.FAIL] for cause in find_causes(report))
    return [failures[0] for failures in islice(own, SHRUNK_CAUSES) if failures]


def looks(verdict: Verdict) -> tuple[str, ...]:
    """The parts of a failure's hint, or its message, without numbers and quotations.

    >>> looks(Verdict(Status.FAIL, hint="only channel 3 is wrong; padding", case="a", tier="exact",
    ...               implementation="mine"))
    ('only channel ... is wrong', 'padding')
    """
    if verdict.hint:
        parts = DETAIL.sub("", verdict.hint).split("; ")
    else:
        parts = [QUOTED.sub("...", SHARE.sub("", verdict.message.partition("\n")[0]))]
    return tuple(NUMBER.sub("...", part) for part in parts)


@dataclass(frozen=True)
class _Failure:
    verdict: Verdict
    kind: str
    traits: tuple[str, ...]
    explanation: str = ""  # of a failure of the same layer, with data on which it is looked for

    @property
    def has_hint(self) -> bool:
        return bool(self.verdict.hint or self.explanation)

    @cached_property
    def looks(self) -> tuple[str, ...]:
        own = looks(self.verdict) if self.verdict.hint or not self.explanation else ()
        return own if self.explanation in ("", *own) else (self.explanation, *own)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """By any of these it is like others: hints in every tier, messages in those of a kind."""
        kind = "" if self.has_hint else f"{self.kind} {self.verdict.status}"
        return [(kind, text) for text in self.looks]


def _find(report: Report, name: str) -> Iterator[Cause]:
    evidence = _Evidence(report, name)
    found: list[tuple[tuple[str, ...], list[_Failure]]] = []
    rest: list[_Failure] = []
    lost: dict[str, list[_Failure]] = {kind: [] for kind in evidence.lost_kinds}
    for each in evidence.failures:
        is_lost = each.verdict.status is Status.FAIL and each.kind in lost
        (lost[each.kind] if is_lost else rest).append(each)
    for group in lost.values():
        hints = _frequent_hints(group)
        group += [each for each in rest if hints & set(each.keys)]
        rest = [each for each in rest if not hints & set(each.keys)]
        yield _cause(name, group, "nearly every case fails")
    for group in _alike(rest):
        for common, explained in found:
            explained += [each for each in group if evidence.explains(common, each)]
            group = [each for each in group if not evidence.explains(common, each)]
        found += [(evidence.common(part), part) for part in evidence.parts(group)]
    for common, group in found:
        yield _cause(name, group, f"only with {' and '.join(common)}" if common else "")


def _frequent_hints(group: Sequence[_Failure]) -> set[tuple[str, str]]:
    """The keys of hints that many of a group have."""
    counts = Counter(key for each in group if each.has_hint for key in each.keys)
    return {key for key, number in counts.items() if number > len(group) / MANY}


def _alike(failures: Sequence[_Failure]) -> Iterator[list[_Failure]]:
    """The failures that are like each other, most first."""
    rest = list(failures)
    while rest:
        ((key, _),) = Counter(key for each in rest for key in each.keys).most_common(1)
        yield [each for each in rest if key in each.keys]
        rest = [each for each in rest if key not in each.keys]


def _cause(name: str, group: Sequence[_Failure], scope: str) -> Cause:
    """The cause of a group, called by the hint of many, else by what most look like."""
    verdicts = tuple(failure.verdict for failure in group)
    counts = Counter(text for failure in group for text in failure.looks)
    hints = {text for _, text in _frequent_hints(group)}
    title = max(counts, key=lambda text: (text in hints, counts[text]))
    others = tuple(text for text, _ in counts.most_common() if text != title)
    texts = {verdict.hint or verdict.message.partition("\n")[0] for verdict in verdicts}
    return Cause(name, texts.pop() if len(texts) == 1 else title, others, scope, verdicts)


class _Evidence:
    """The failures of an implementation, and the traits of the cases that it passed."""

    def __init__(self, report: Report, name: str) -> None:
        own = [verdict for verdict in report.verdicts if verdict.implementation == name]
        known = {id(each): facts(case) if (case := report.case(each)) else {} for each in own}
        self.failures: list[_Failure] = []
        self.lost_kinds: list[str] = []
        self._passed: dict[str, list[list[frozenset[str]]]] = {}
        self._bad: dict[str, list[frozenset[str]]] = {}
        self._failed: Counter[str] = Counter()
        explanations = dict(_explanations(report, own))
        for kind in dict.fromkeys(_kind(each.tier) for each in own):
            here = [each for each in own if _kind(each.tier) == kind]
            bad = [each for each in here if each.is_bad]
            passed = [known[id(each)] for each in here if each.status is Status.PASS]
            telling = {known[id(each)].get("data") for each in bad}
            same = [each for each in passed if each.get("data") in telling]
            limits = ranges(same or passed)
            failures = [
                _Failure(
                    each,
                    kind,
                    tuple(traits(known[id(each)], limits)),
                    explanations.get(_layer(report, each), ""),
                )
                for each in bad
            ]
            self.failures += failures
            self._bad[kind] = [frozenset(each.traits) for each in failures]
            self._failed[kind] = sum(each.status is Status.FAIL for each in bad)
            self._passed[kind] = [
                [frozenset(traits(each, limits)) for each in some] for some in (passed, same)
            ]
            failed = self._failed[kind]
            if passed and failed >= max(LEAST_ALL, NEARLY_ALL * (failed + len(same))):
                self.lost_kinds.append(kind)

    def common(self, group: Sequence[_Failure]) -> tuple[str, ...]:
        """The fewest traits that all failures of the commonest kind have and no passed case."""
        ((kind, _),) = Counter(failure.kind for failure in group).most_common(1)
        own = [failure.traits for failure in group if failure.kind == kind]
        shared = [trait for trait in own[0] if all(trait in each for each in own)]
        for most in range(1, MOST_TRAITS + 1):
            several = [*combinations(shared, most)]
            chances = [self._chance(each, kind, len(own)) for each in several]
            if min(chances, default=1.0) < CHANCE:
                return several[chances.index(min(chances))]
        return ()

    def explains(self, common: tuple[str, ...], failure: _Failure) -> bool:
        """True of traits that a failure has and no passed case of its kind."""
        has_all = bool(common) and set(common) <= set(failure.traits)
        return has_all and any(have is not None for _, have in self._have(common, failure.kind))

    def parts(self, group: list[_Failure]) -> list[list[_Failure]]:
        """The failures of each of the few traits that explain all; else the whole group."""
        if not group or group[0].has_hint or self.common(group):
            return [group] if group else []
        rest = list(group)
        parts: list[list[_Failure]] = []
        while rest and len(parts) < MOST_PARTS:
            counts = Counter(trait for failure in rest for trait in failure.traits)
            kind = group[0].kind
            telling = (
                t for t, number in counts.most_common() if self._chance([t], kind, number) < CHANCE
            )
            trait = next(telling, None)
            if trait is None:
                return [group]
            parts.append([failure for failure in rest if trait in failure.traits])
            rest = [failure for failure in rest if trait not in failure.traits]
        return [group] if rest else parts

    def _chance(self, some: Iterable[str], kind: str, failed: int) -> float:
        """The chance that so many failures and next to no passed case have these traits, or 1."""
        chances = (
            _chance(have, have + failed, len(passed) / (len(passed) + self._failed[kind]))
            for passed, have in self._have(some, kind)
            if have is not None
        )
        return min(chances, default=1.0)

    def _have(
        self, some: Iterable[str], kind: str
    ) -> Iterator[tuple[list[frozenset[str]], int | None]]:
        """The passed cases, all and those that tell, and how many have these traits.

        None where that is too many, or where none passed.
        """
        wanted = frozenset(some)
        failed = sum(wanted <= each for each in self._bad[kind])
        for passed in self._passed[kind]:
            have = sum(wanted <= each for each in passed)
            yield passed, have if passed and have <= EXCEPTIONS * (have + failed) else None


def _explanations(report: Report, verdicts: Iterable[Verdict]) -> Iterator[tuple[str, str]]:
    """The layers of which a failure is explained, and by what."""
    for verdict in verdicts:
        for part in looks(verdict):
            if part.startswith(EXPLAINED):
                yield _layer(report, verdict), part


def _layer(report: Report, verdict: Verdict) -> str:
    """The kind of a verdict's tier, its architecture, arguments and sizes, whatever the data."""
    case = report.case(verdict)
    own = (case.architecture, case.config, case.input_shape) if case else (verdict.case,)
    return f"{_kind(verdict.tier)} {own}"


def _chance(passed: int, total: int, share: float) -> float:
    """The chance that so few of all pass where each passes with a probability of `share`.

    >>> _chance(0, 3, 0.5)
    0.125
    """
    ways = (comb(total, n) * share**n * (1 - share) ** (total - n) for n in range(passed + 1))
    return sum(ways)


def _kind(tier: str) -> str:
    """The tier, or one name for those that judge the output of a GhostConv."""
    found = TIERS.get(tier)
    return LAYER if found is not None and issubclass(found, ModuleTier) else tier
