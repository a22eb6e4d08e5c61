"""The evidence of causes: what failures look like, and the traits that their cases alone have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from math import comb

from conformance.cases.traits import facts, ranges, traits
from conformance.judging.explanations import EXPLAINED
from conformance.judging.verdict import Status, Verdict
from conformance.reports.report import Report
from conformance.tiers import TIERS, ModuleTier

# A number or an address that stands alone; the digits of `primary_conv.0.weight` name a tensor.
NUMBER = re.compile(r"(?<![\w.])(?:0x[0-9a-f]+|-?\d[\d.e+-]*)|\b-?(?:inf|nan)\b")
SHARE = re.compile(r"\d+ of \d+ (?=elements)")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\([^()]*\)")
DETAIL = re.compile(r" ?\([^()]*\)")
MOST_TRAITS, MOST_PARTS = 2, 3
# Of the cases with a trait so many may pass, and the chance of it where the trait means nothing.
EXCEPTIONS, CHANCE = 0.1, 1e-4
# Nearly every case fails: this share, and of so many. A rerun of failures has nothing that passed.
NEARLY_ALL, LEAST_ALL = 0.9, 20
LAYER = "layer"
# The passed cases of a kind, all or those that tell, and how many have some traits.
Have = tuple[list[frozenset[str]], int | None]


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
class Failure:
    """A failure, with the kind of its tier, the traits of its case and what explains its layer."""

    verdict: Verdict
    kind: str
    traits: tuple[str, ...]
    explanation: str = ""

    @property
    def has_hint(self) -> bool:
        """True of a failure with a hint, or of a layer with an explanation."""
        return bool(self.verdict.hint or self.explanation)

    @cached_property
    def looks(self) -> tuple[str, ...]:
        """The texts by which it is compared."""
        own = looks(self.verdict) if self.verdict.hint or not self.explanation else ()
        return own if self.explanation in ("", *own) else (self.explanation, *own)

    @cached_property
    def keys(self) -> list[tuple[str, str]]:
        """By any of these it is like others: hints in every tier, messages in those of a kind."""
        kind = "" if self.has_hint else f"{self.kind} {self.verdict.status}"
        return [(kind, text) for text in self.looks]


class Evidence:
    """The failures of an implementation, and the traits of the cases that it passed."""

    def __init__(self, report: Report, name: str) -> None:
        own = [verdict for verdict in report.verdicts if verdict.implementation == name]
        self.failures: list[Failure] = []
        self.lost_kinds: list[str] = []
        self._passed: dict[str, list[list[frozenset[str]]]] = {}
        self._bad: dict[str, list[frozenset[str]]] = {}
        self._failed: Counter[str] = Counter()
        self._have = cache(self._count)
        for kind in dict.fromkeys(_kind(each.tier) for each in own):
            here = [each for each in own if _kind(each.tier) == kind]
            bad = [each for each in here if each.is_bad]
            if not bad:
                continue
            known = {id(each): facts(case) if (case := report.case(each)) else {} for each in here}
            passed = [known[id(each)] for each in here if each.status is Status.PASS]
            telling = {known[id(each)].get("data") for each in bad}
            same = [each for each in passed if each.get("data") in telling]
            limits = ranges(same or passed)
            explained = dict(_explanations(report, bad))
            failures = [
                Failure(
                    each,
                    kind,
                    tuple(traits(known[id(each)], limits)),
                    explained.get(_layer(report, each), ""),
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

    def common(self, group: Sequence[Failure]) -> tuple[str, ...]:
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

    def explains(self, common: tuple[str, ...], failure: Failure) -> bool:
        """True of traits that a failure has and no passed case of its kind."""
        wanted = frozenset(common)
        has_all = bool(wanted) and wanted <= set(failure.traits)
        return has_all and any(have is not None for _, have in self._have(wanted, failure.kind))

    def parts(self, group: list[Failure]) -> list[list[Failure]]:
        """The failures of each of the few traits that explain all; else the whole group."""
        if not group or group[0].has_hint or self.common(group):
            return [group] if group else []
        rest = list(group)
        parts: list[list[Failure]] = []
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
            for passed, have in self._have(frozenset(some), kind)
            if have is not None
        )
        return min(chances, default=1.0)

    def _count(self, wanted: frozenset[str], kind: str) -> list[Have]:
        """The passed cases, all and those that tell, and how many have these traits.

        None where that is too many, or where none passed.
        """
        failed = sum(wanted <= each for each in self._bad[kind])
        found: list[Have] = []
        for passed in self._passed[kind]:
            have = sum(wanted <= each for each in passed)
            is_telling = bool(passed) and have <= EXCEPTIONS * (have + failed)
            found.append((passed, have if is_telling else None))
        return found


def _explanations(report: Report, failures: Iterable[Verdict]) -> Iterator[tuple[str, str]]:
    """The layers of which a failure is explained, and by what."""
    for verdict in failures:
        for part in looks(verdict):
            if part.startswith(EXPLAINED):
                yield _layer(report, verdict), part


def _layer(report: Report, verdict: Verdict) -> str:
    """The module and the sizes of a case, whatever its data."""
    case = report.case(verdict)
    return verdict.case if case is None else f"{case.architecture} {case.config} {case.input_shape}"


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
