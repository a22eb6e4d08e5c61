"""One report of the shards of a run, the same as if nobody had shared it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.cases.case import split_pair
from conformance.judging.verdict import Verdict
from conformance.reports.causes import first_failures
from conformance.reports.report import Report, make_footer
from conformance.running.journal import Key, key
from conformance.running.results import Run
from weights import ArgumentError
from weights.text import brief

# What all shards of a run have in common, and the parts of a header that say so.
COMMON = {
    "versions": ("ghostconv", "python", "numpy", "implementations", "missing"),
    "machines": ("machine",),
    "commits": ("commit",),
    "code": ("code",),
    "options": ("tiers", "settings", "options", "cases", "count"),
}
Given = tuple[Path, Report]


def merge(reports: Sequence[Given], command: str) -> tuple[Run, Report]:
    """The whole run of these shards and its report; raises `ArgumentError`.

    `command` is the line that was typed to merge them.
    """
    _check_common(reports)
    _check_shards(reports)
    shards = [report for _, report in reports]
    header = dict(shards[0].header)
    places = [(tier, each) for tier, ids in header.pop("shard")["cases"].items() for each in ids]
    header["command"] = command
    header["started"] = min(shard.header["started"] for shard in shards)
    header["remarks"] = _remarks(shards)
    run = _run(header, shards, places)
    known = {place: case for shard in shards for place, case in shard.cases.items()}
    notes = dict.fromkeys(note for shard in shards for note in shard.footer["notes"])
    cases = {place: known[place] for place in places if place in known}
    report = Report(header, cases, run.verdicts, make_footer(run, list(notes)))
    shrunk = {place: case for shard in shards for place, case in shard.smallest.items()}
    firsts = map(key, first_failures(report))
    smallest = {place: shrunk[place] for place in firsts if place in shrunk}
    return run, replace(report, smallest=smallest)


def _run(header: dict[str, Any], shards: list[Report], places: list[tuple[str, str]]) -> Run:
    footers = [shard.footer for shard in shards]
    return Run(
        list(_in_order(shards, header["implementations"], places)),
        header["implementations"],
        sum(footer["seconds"] for footer in footers),
        [traceback for footer in footers for traceback in footer["tracebacks"]],
        dict(_outputs(header["implementations"], footers)),
        {name: tuple(found) for name, found in header["remarks"].items()},
        any(footer["was_stopped"] for footer in footers),
    )


def _in_order(
    shards: Iterable[Report], names: Iterable[str], places: list[tuple[str, str]]
) -> Iterator[Verdict]:
    """The verdicts as one run gives them.

    Cases by implementation, then those of pairs by case, then what known deviations were listed in
    vain, which every shard may say.
    """
    ranks = {place: rank for rank, place in enumerate(places)}
    order = {name: rank for rank, name in enumerate(names)}
    judged: list[Verdict] = []
    pairs: list[Verdict] = []
    others: dict[Key, Verdict] = {}
    for shard in shards:
        seen = set()
        for verdict in shard.verdicts:
            case, writer = split_pair(verdict.case)
            if key(verdict) in seen or (verdict.tier, case) not in ranks:
                others[key(verdict)] = verdict
            else:
                (pairs if writer else judged).append(verdict)
            seen.add(key(verdict))

    def rank(verdict: Verdict) -> int:
        return ranks[verdict.tier, split_pair(verdict.case)[0]]

    yield from sorted(judged, key=lambda each: (order[each.implementation], rank(each)))
    yield from sorted(pairs, key=rank)
    yield from sorted(
        others.values(),
        key=lambda each: (order.get(each.implementation, len(order)), each.tier, each.case),
    )


def _outputs(
    names: Iterable[str], footers: list[dict[str, Any]]
) -> Iterator[tuple[str, tuple[float, float]]]:
    for name in names:
        found = [footer["outputs"][name] for footer in footers]
        yield name, (sum(first for first, _ in found), sum(repeated for _, repeated in found))


def _remarks(shards: Iterable[Report]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for shard in shards:
        for name, remarks in shard.header["remarks"].items():
            found.setdefault(name, {}).update(dict.fromkeys(remarks))
    return {name: list(remarks) for name, remarks in found.items()}


def _check_common(reports: Sequence[Given]) -> None:
    """Raise `ArgumentError` for what is no shard, or a shard of another run."""
    (first, report), *others = reports
    for path, each in reports:
        if "shard" not in each.header:
            raise ArgumentError(f"{path} is the report of a whole run: `--shard` makes shards")
    for path, other in others:
        for what, name in ((what, name) for what, names in COMMON.items() for name in names):
            here, there = _differing(_fact(report, name), _fact(other, name))
            if here != there:
                raise ArgumentError(
                    f"{first} and {path} are shards of different runs, with other {what}: `{name}` "
                    f"is {brief(here)} and {brief(there)}"
                )


def _check_shards(reports: Sequence[Given]) -> None:
    """Raise `ArgumentError` where a shard is missing, or there twice."""
    given: dict[int, Path] = {}
    for path, report in reports:
        index, count = (report.header["shard"][name] for name in ("index", "count"))
        if index in given:
            raise ArgumentError(f"shard {index}/{count} is there twice: {given[index]} and {path}")
        given[index] = path
    missing = [f"{index}/{count}" for index in range(1, count + 1) if index not in given]
    if missing:
        raise ArgumentError(f"`merge` needs every shard, got none that is {', '.join(missing)}")


def _differing(here: Any, there: Any) -> tuple[Any, Any]:
    """Two facts; of two tables the entries that differ."""
    if not isinstance(here, dict) or not isinstance(there, dict):
        return here, there
    names = sorted(name for name in {**here, **there} if here.get(name) != there.get(name))
    return {name: here.get(name) for name in names}, {name: there.get(name) for name in names}


def _fact(report: Report, name: str) -> Any:
    shard = report.header["shard"]
    return shard[name] if name in shard else report.header.get(name)
