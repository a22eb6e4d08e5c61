"""The report as JSON lines, from which every other form of it is derived: written and read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.cases.case import Case, split_pair
from conformance.judging.verdict import Status, Verdict, jsonable
from conformance.reports.summary import count, rerun_command
from conformance.running.journal import Key
from conformance.running.results import Timing
from weights import FormatError, strict_json
from weights.files.storage import read_bytes
from weights.text import brief

LINES = "report.jsonl"
# It changes with the meaning of a record; no other is read.
FORMAT = 2
# The kinds of records, in their order.
CASE, VERDICT, SMALLEST = "case", "verdict", "smallest"
KINDS = ("header", CASE, VERDICT, SMALLEST, "footer")
# What a header and a footer hold at least, and of which type.
HEADER: dict[str, Any] = {
    "implementations": dict, "tiers": list, "settings": dict, "options": dict, "missing": dict,
    "remarks": dict, "environment": dict, "started": str, "command": str, "commit": str,
    "code": dict, "ghostconv": str, "python": str, "numpy": str, "machine": str,
}  # fmt: skip
FOOTER: dict[str, Any] = {
    "counts": dict, "not_green": list, "seconds": (int, float), "effort": list, "outputs": dict,
    "tracebacks": list, "notes": list,
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A run, as it is written down.

    `cases` are by tier and id, `smallest` the cases that some failures were shrunk to.
    """

    header: dict[str, Any]
    cases: Mapping[tuple[str, str], Case] = field(repr=False)
    verdicts: list[Verdict] = field(repr=False)
    footer: dict[str, Any]
    smallest: Mapping[Key, Case] = field(default_factory=dict, repr=False)

    def case(self, verdict: Verdict) -> Case | None:
        """The case of a verdict; None for what is no case of the suite."""
        return self.cases.get((verdict.tier, split_pair(verdict.case)[0]))

    def again(self, verdict: Verdict) -> str:
        """The command that runs the case of a verdict again, with the options that it needs."""
        name = verdict.implementation
        options = (self.header["options"].get(verdict.tier), self.options_of(name))
        return rerun_command(verdict, " ".join(filter(None, options)))

    def options_of(self, name: str) -> str:
        """The option by which an implementation has its known deviations."""
        known = self.header["settings"].get("deviations", {}).get(name)
        return f"--deviations {shlex.quote(f'{name}={known}')}" if known else ""

    @property
    def names(self) -> list[str]:
        """The implementations."""
        judged = (verdict.implementation for verdict in self.verdicts)
        return list(dict.fromkeys([*self.header["implementations"], *judged]))

    @property
    def is_green(self) -> bool:
        """Whether something was judged, everything passed, and no doubt is left."""
        ran = [verdict for verdict in self.verdicts if verdict.status is not Status.SKIP]
        has_failed = any(verdict.is_bad for verdict in ran)
        return bool(ran) and not has_failed and not self.footer["not_green"]


def write_lines(path: Path, report: Report) -> None:
    """Write a report as JSON lines: header, cases, verdicts, shrunk cases, footer."""
    text = "".join(json.dumps(each, allow_nan=False) + "\n" for each in _records(report))
    path.write_text(text, encoding="utf-8")


def read_report(path: Path) -> Report:
    """Read `report.jsonl`; raises `FormatError` for one that was cut short, or is none."""
    data = read_bytes(path)
    try:
        records = [strict_json.loads(line) for line in data.decode().splitlines()]
    except ValueError:
        records = []  # the last line was cut short
    try:
        return _from_records(path, records)
    except FormatError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is no report of a run: {brief(error)}") from None


def lines_of(path: Path) -> Path:
    """The JSON lines of a report that is named by its file, or by the folder that holds it."""
    return path / LINES if path.is_dir() else path


def counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """The number of verdicts of each status, by its name in JSON."""
    found = count(verdicts)
    return {status.value: found[status] for status in Status}


def _records(report: Report) -> Iterator[dict[str, Any]]:
    yield {"kind": "header", "format": FORMAT} | jsonable(report.header)
    for case in report.cases.values():
        yield {"kind": CASE} | jsonable(case.to_dict())
    for verdict in report.verdicts:
        yield {"kind": VERDICT} | verdict.to_dict()
    for place, case in report.smallest.items():
        yield {"kind": SMALLEST, "of": list(place), "case": jsonable(case.to_dict())}
    yield {"kind": "footer"} | jsonable(report.footer)


def _from_records(path: Path, records: list[Any]) -> Report:
    of: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    kinds = [record.pop("kind", None) for record in records]
    for kind, record in zip(kinds, records, strict=True):
        of[kind].append(record)
    if kinds[:1] != [KINDS[0]] or kinds[-1:] != [KINDS[-1]]:
        raise FormatError(f"{path} is cut short: it must begin with a header and end with a footer")
    header, footer = records[0], records[-1]
    found = header.pop("format", 1)
    if found != FORMAT:
        raise FormatError(f"{path} has format {brief(found)}, only {FORMAT} is read: run again")
    wrong = [name for name, kind in HEADER.items() if not isinstance(header.get(name), kind)]
    wrong += [name for name, kind in FOOTER.items() if not isinstance(footer.get(name), kind)]
    if wrong:
        raise FormatError(f"{path} is no report of a run: it lacks {', '.join(wrong)}")
    efforts = [Timing(**each) for each in footer["effort"]]
    names = [*header["tiers"], *(each.name for each in efforts)]
    numbers = [each.seconds for each in efforts]
    of_type: tuple[tuple[Any, Any], ...] = (
        (str, names),
        ((int, float), numbers),
        (dict, [*header["implementations"].values(), header["settings"].get("deviations", {})]),
    )
    if not all(isinstance(value, kind) for kind, values in of_type for value in values):
        raise TypeError("tiers, implementations and effort must be texts, facts and numbers")
    cases = [Case.from_dict(record) for record in of[CASE]]
    verdicts = [Verdict.from_dict(record) for record in of[VERDICT]]
    smallest = {_place(record["of"]): Case.from_dict(record["case"]) for record in of[SMALLEST]}
    if counts(verdicts) != footer["counts"]:
        raise FormatError(
            f"{path} lacks verdicts: it holds {counts(verdicts)}, wanted {brief(footer['counts'])}"
        )
    return Report(
        header, {(each.tier, each.id): each for each in cases}, verdicts, footer, smallest
    )


def _place(names: list[str]) -> Key:
    tier, case, implementation = names
    return tier, case, implementation
