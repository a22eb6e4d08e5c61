"""The report as JUnit XML, as continuous integration shows it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from conformance.judging.verdict import Status, Verdict

# The elements of JUnit, and the attributes that count them.
ELEMENTS = {
    Status.FAIL: "failure",
    Status.ERROR: "error",
    Status.SKIP: "skipped",
    Status.KNOWN: "skipped",
}
TOTALS = {"failure": "failures", "error": "errors", "skipped": "skipped"}
BY_NAME = attrgetter("implementation")


def junit(verdicts: Iterable[Verdict], not_green: Sequence[str] = ()) -> ElementTree.Element:
    """One test case for every verdict, in a suite for every implementation.

    Other reasons for which the run is not green are errors of a suite of their own. The `type` of
    what is skipped tells a known deviation from a skip.
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
    totals = {total: str(found[element]) for element, total in TOTALS.items()}
    suite = ElementTree.SubElement(root, "testsuite", totals, name=name, tests=str(len(cases)))
    suite.extend(cases)


def _case(verdict: Verdict) -> ElementTree.Element:
    seconds = f"{verdict.seconds:.3f}"
    case = ElementTree.Element("testcase", classname=verdict.tier, name=verdict.case, time=seconds)
    if verdict.status in ELEMENTS:
        attributes = {"type": verdict.status.value, "message": verdict.message}
        detail = ElementTree.SubElement(case, ELEMENTS[verdict.status], attributes)
        detail.text = "\n".join(filter(None, [str(verdict.worst or ""), verdict.hint]))
    return case
