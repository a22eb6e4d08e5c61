"""The causes of a report: its failures in groups, each with what it is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from conformance.judging.verdict import Status, Verdict
from conformance.reports.causes.evidence import Evidence, Failure
from conformance.reports.report import Report

# A hint is many failures' where one in so many has it.
MANY = 3
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


def _find(report: Report, name: str) -> Iterator[Cause]:
    evidence = Evidence(report, name)
    found: list[tuple[tuple[str, ...], list[Failure]]] = []
    rest: list[Failure] = []
    lost: dict[str, list[Failure]] = {kind: [] for kind in evidence.lost_kinds}
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


def _frequent_hints(group: Sequence[Failure]) -> set[tuple[str, str]]:
    """The keys of hints that many of a group have."""
    counts = Counter(key for each in group if each.has_hint for key in each.keys)
    return {key for key, number in counts.items() if number > len(group) / MANY}


def _alike(failures: Sequence[Failure]) -> Iterator[list[Failure]]:
    """The failures that are like each other, most first."""
    rest = list(failures)
    while rest:
        ((key, _),) = Counter(key for each in rest for key in each.keys).most_common(1)
        yield [each for each in rest if key in each.keys]
        rest = [each for each in rest if key not in each.keys]


def _cause(name: str, group: Sequence[Failure], scope: str) -> Cause:
    """The cause of a group, called by the hint of many, else by what most look like."""
    verdicts = tuple(failure.verdict for failure in group)
    counts = Counter(text for failure in group for text in failure.looks)
    hints = {text for _, text in _frequent_hints(group)}
    title = max(counts, key=lambda text: (text in hints, counts[text]))
    others = tuple(text for text, _ in counts.most_common() if text != title)
    texts = {verdict.hint or verdict.message.partition("\n")[0] for verdict in verdicts}
    return Cause(name, texts.pop() if len(texts) == 1 else title, others, scope, verdicts)
