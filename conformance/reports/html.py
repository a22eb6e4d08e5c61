"""The report for a browser: one file, which fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.cases.case import PAIR
from conformance.judging.verdict import Status, Verdict
from conformance.reports.causes import Cause, find_causes
from conformance.reports.comparison import Change, Comparison, compare
from conformance.reports.headroom import LIMIT, TICKS, bars
from conformance.reports.page_data import LETTERS, page_data, script_json
from conformance.reports.programs import program
from conformance.reports.report import FORMAT, Report
from conformance.reports.summary import (
    LABELS,
    conclusion,
    count,
    count_run,
    ratios,
    skips,
)
from conformance.running.journal import Key, key

BREAKS = re.compile(r"[^.:_]+[.:_]*|[.:_]+")
TEMPLATES = Path(__file__).with_name("templates")
SHOWN_CAUSES, SHOWN_CHANGES = 40, 100
# The shades of what passed, by how much of the allowed error was used.
PASSES = {"p0": "below 0.01", "p1": "below 0.1", "p2": "below 0.5", "p3": "to 1"}


def render(
    report: Report, earlier: Report | None = None, causes: Sequence[Cause] | None = None
) -> str:
    """The whole document, with the changes since an earlier report where one is given.

    `causes` are those of the report, which are found here where they are not given.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup, escape

    def breakable(name: str) -> Markup:
        """A name that may go on in the next line after its dots and the like."""
        return Markup("<wbr>").join(map(escape, BREAKS.findall(name)))

    comparison = None if earlier is None else compare(earlier, report)
    changes = comparison.changes if comparison else {}
    causes = find_causes(report) if causes is None else causes
    shown = [_cause(cause, report) for cause in causes[:SHOWN_CAUSES]]
    rows = _rows(report)
    by_name = _by_name(report)
    text = conclusion(report.verdicts, report.footer["not_green"])
    tone, sign = ("good", "✓") if report.is_green else ("bad", "✕")
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters["breakable"] = breakable
    style, script = (Markup(_template(name)) for name in ("report.css", "report.js"))
    return environment.get_template("report.html.j2").render(
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
        header=report.header,
        footer=report.footer,
        format=FORMAT,
        conclusion={"text": text, "tone": tone, "sign": sign},
        labels=LABELS,
        letters={letter: LABELS[status] for status, letter in LETTERS.items()},
        passes=PASSES,
        names=report.names,
        longest=max(map(len, report.names), default=0),
        implementations=[_summary(name, own, report) for name, own in by_name.items()],
        causes=shown,
        more_causes=len(causes[SHOWN_CAUSES:]),
        changes=comparison and earlier and _changes(comparison, earlier),
        shown_changes=SHOWN_CHANGES,
        tiers=_matrix(rows),
        headroom=[_headroom(name, own) for name, own in by_name.items()],
        limit=LIMIT,
        ticks=TICKS,
        skips=skips(report.verdicts),
        known=[verdict for verdict in report.verdicts if verdict.status is Status.KNOWN],
        data=Markup(script_json(_data(report, rows, causes, shown, changes))),
    )


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    """The hash by which a page allows this script or style, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _by_name(report: Report) -> dict[str, list[Verdict]]:
    return {
        name: [each for each in report.verdicts if each.implementation == name]
        for name in report.names
    }


def _rows(report: Report) -> dict[tuple[str, str], list[Verdict]]:
    """The verdicts of each tier and implementation, in the order of the page."""
    tiers = dict.fromkeys([*report.header["tiers"], *(each.tier for each in report.verdicts)])
    rows: dict[tuple[str, str], list[Verdict]] = {
        (tier, name): [] for tier in tiers for name in report.names
    }
    for verdict in report.verdicts:
        rows[verdict.tier, verdict.implementation].append(verdict)
    return {place: own for place, own in rows.items() if own}


def _matrix(rows: Mapping[tuple[str, str], list[Verdict]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each tier, and at which verdict each begins."""
    found: dict[str, list[dict[str, Any]]] = {}
    first = 0
    for (tier, name), own in rows.items():
        counts = count(own)
        row = {
            "name": name,
            "passed": f"{counts[Status.PASS]}/{count_run(counts)}",
            "first": first,
            "letters": "".join(LETTERS[verdict.status] for verdict in own),
        }
        found.setdefault(tier, []).append(row)
        first += len(own)
    return found


def _summary(name: str, own: Sequence[Verdict], report: Report) -> dict[str, Any]:
    counts = count(own)
    effort = (each["seconds"] for each in report.footer["effort"] if each["name"] == name)
    facts = report.header["implementations"].get(name, {})
    return {
        "name": name,
        "versions": ", ".join(f"{key} {value}" for key, value in facts.items()),
        "counts": {status.value: counts[status] for status in Status},
        "worst": max(ratios(own), default=None),
        "seconds": next(effort, 0.0),
    }


def _headroom(name: str, own: Iterable[Verdict]) -> dict[str, Any]:
    found = ratios(own)
    worst = f", the worst {max(found):.3g}" if found else ""
    return {"name": name, "bars": bars(found), "text": f"{len(found):,} cases{worst}"}


def _cause(cause: Cause, report: Report) -> dict[str, Any]:
    """A cause with its first case, or with the one that was shrunk."""
    shrunk = next((each for each in cause.verdicts if key(each) in report.smallest), None)
    first = shrunk or cause.verdicts[0]
    case = report.smallest.get(key(first)) or report.case(first)
    return {
        "text": str(cause),
        "implementation": cause.implementation,
        "scope": cause.scope,
        "others": cause.others,
        "tiers": cause.tiers,
        "count": len(cause.verdicts),
        "first": first,
        "program": program(case, cause.implementation, loads=PAIR in first.case) if case else "",
        "is_shrunk": shrunk is not None,
        "command": report.again(first),
    }


def _changes(comparison: Comparison, earlier: Report) -> dict[str, Any]:
    found = {change: comparison.of(change) for change in Change}
    return {
        "started": earlier.header["started"],
        "commit": earlier.header["commit"],
        "lists": {
            change.value: [comparison.describe(place) for place in places]
            for change, places in found.items()
            if places
        },
        "seconds": comparison.seconds,
    }


def _data(
    report: Report, rows: Mapping[tuple[str, str], list[Verdict]], causes: Sequence[Cause],
    shown: list[dict[str, Any]], changes: Mapping[Key, Change],
) -> dict[str, Any]:  # fmt: skip
    """Whatever the script of the page shows of a square."""
    verdicts = [verdict for own in rows.values() for verdict in own]
    numbers = {key(each): n for n, cause in enumerate(causes) for each in cause.verdicts}
    return page_data(verdicts, report, numbers, changes) | {
        "options": report.header["options"],
        "known": {name: report.options_of(name) for name in report.names},
        "causes": [[each["text"], each["program"], each["is_shrunk"]] for each in shown],
    }
