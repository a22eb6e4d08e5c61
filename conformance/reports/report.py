"""The report: JSON lines from which everything else can be derived, and JUnit XML."""

from __future__ import annotations

import json
import os
import platform
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conformance.implementations.registry import ENVIRONMENT, installed_version
from conformance.judging.verdict import Status, Verdict
from conformance.reports.summary import count
from conformance.running.results import Run, doubts, timings
from weights import FormatError, strict_json
from weights.files.storage import read_bytes
from weights.frameworks import Framework
from weights.text import brief

LINES, JUNIT, HTML = "report.jsonl", "junit.xml", "report.html"
# The elements of JUnit, and the attributes that count them.
JUNIT_ELEMENTS = {
    Status.FAIL: "failure",
    Status.ERROR: "error",
    Status.SKIP: "skipped",
    Status.KNOWN: "skipped",
}
BY_NAME = attrgetter("implementation")
JUNIT_TOTALS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True)
class Report:
    """A report that was read: its header, its verdicts and its footer."""

    header: dict[str, Any]
    verdicts: list[Verdict] = field(repr=False)
    footer: dict[str, Any]


def prepare(folder: Path) -> None:
    """Make the folder, and remove the report of an earlier run from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LINES, JUNIT, HTML):
        (folder / name).unlink(missing_ok=True)


def write_report(
    folder: Path, run: Run, tiers: Sequence[str], missing: Sequence[Framework],
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Write `report.jsonl` and `junit.xml` into `folder`.

    `tiers` are those that ran, `missing` our packages that could not, and `settings` the options of
    the command line that decide which cases there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = [
        _header(run, tiers, missing) | {"settings": dict(settings)},
        *({"kind": "verdict", **verdict.to_dict()} for verdict in run.verdicts),
        _footer(run),
    ]
    text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
    (folder / LINES).write_text(text, encoding="utf-8")
    tree = ElementTree.ElementTree(junit(run.verdicts, doubts(run)))
    tree.write(folder / JUNIT, encoding="utf-8", xml_declaration=True)


def read_report(path: Path) -> Report:
    """Read `report.jsonl`; raises `FormatError` for one that was cut short, or is none."""
    data = read_bytes(path)
    try:
        records = [strict_json.loads(line) for line in data.decode().splitlines()]
    except ValueError:
        records = []  # the last line was cut short
    try:
        kinds = [record.pop("kind", None) for record in records]
        verdicts = [Verdict.from_dict(record) for record in records[1:-1]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path} is no report of a run: {brief(error)}") from None
    if kinds[:1] != ["header"] or kinds[-1:] != ["footer"]:
        raise FormatError(f"{path} is cut short: it must begin with a header and end with a footer")
    wanted = records[-1].get("counts")
    if counts(verdicts) != wanted:
        raise FormatError(
            f"{path} lacks verdicts: it holds {counts(verdicts)}, wanted {brief(wanted)}"
        )
    return Report(records[0], verdicts, records[-1])


def counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """The number of verdicts of each status, by its name in JSON."""
    found = count(verdicts)
    return {status.value: found[status] for status in Status}


def junit(verdicts: Iterable[Verdict], not_green: Sequence[str] = ()) -> ElementTree.Element:
    """One test case for every verdict, in a suite for every implementation.

    Other reasons for which the run is not green are errors of a suite of their own.
    """
    root = ElementTree.Element("testsuites")
    for name, own in groupby(sorted(verdicts, key=BY_NAME), BY_NAME):
        _add_suite(root, name, [_case(verdict) for verdict in own])
    reasons = [ElementTree.Element("testcase", classname="run", name=each) for each in not_green]
    for case in reasons:
        ElementTree.SubElement(case, "error", message=case.get("name", ""))
    if reasons:
        _add_suite(root, "run", reasons)
    return root


def _add_suite(root: ElementTree.Element, name: str, cases: list[ElementTree.Element]) -> None:
    found = Counter(child.tag for case in cases for child in case)
    totals = {total: str(found[element]) for element, total in JUNIT_TOTALS.items()}
    suite = ElementTree.SubElement(root, "testsuite", totals, name=name, tests=str(len(cases)))
    suite.extend(cases)


def _case(verdict: Verdict) -> ElementTree.Element:
    seconds = f"{verdict.seconds:.3f}"
    case = ElementTree.Element("testcase", classname=verdict.tier, name=verdict.case, time=seconds)
    if verdict.status in JUNIT_ELEMENTS:
        element = JUNIT_ELEMENTS[verdict.status]
        detail = ElementTree.SubElement(case, element, message=verdict.message)
        detail.text = "\n".join(filter(None, [str(verdict.worst or ""), verdict.hint]))
    return case


def _header(run: Run, tiers: Sequence[str], missing: Sequence[Framework]) -> dict[str, Any]:
    return {
        "kind": "header",
        "ghostconv": installed_version("ghostconv"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "environment": {key: os.environ.get(key, value) for key, value in ENVIRONMENT.items()},
        "tiers": list(tiers),
        "implementations": run.versions,
        "remarks": {name: list(found) for name, found in run.violations.items()},
        "missing": {each.package: each.reason for each in missing},
    }


def _footer(run: Run) -> dict[str, Any]:
    return {
        "kind": "footer",
        "counts": counts(run.verdicts),
        "not_green": doubts(run),
        "was_stopped": run.was_stopped,
        "seconds": round(run.seconds, 3),
        "effort": [asdict(timing) for timing in timings(run)],
    }
