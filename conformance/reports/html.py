"""The report for a browser: one file, nothing is fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.judging.verdict import Status, Verdict
from conformance.reports.pictures import distribution, heat_map, power_of
from conformance.reports.report import HTML, LINES, Report, read_report
from conformance.reports.terminal import rerun
from weights import GhostError

TEMPLATES = Path(__file__).with_name("templates")
SHOWN_FAILURES = 50
SKIP_COLOUR, ERROR_COLOUR = "#d9c36a", "#4a0010"
# From log10(error / allowed) upwards: greens below the limit, reds above it.
COLOURS = ((-9.0, "#d7efd7"), (-2.0, "#a6d8a6"), (-1.0, "#68b568"), (-0.3, "#2f8f3a"),
           (0.0, "#e57373"), (1.0, "#c62828"), (3.0, "#7f0000"))  # fmt: skip


def write_page(folder: Path, options: Mapping[str, str]) -> None:
    """Write `report.html` beside `report.jsonl`.

    `options` are what a tier needs besides, by its name, in the command that reruns a case. Raises
    `GhostError` where what draws it is not installed.
    """
    report = read_report(folder / LINES)
    try:
        page = render(report, options)
    except ImportError as error:
        raise GhostError(
            f"report.html needs {error.name}, which is not installed: "
            "pip install 'ghostconv[conformance]'"
        ) from None
    (folder / HTML).write_text(page, encoding="utf-8")


def render(report: Report, options: Mapping[str, str]) -> str:
    """The whole document."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    bad = [verdict for verdict in report.verdicts if verdict.is_bad]
    not_green = report.footer.get("not_green", [])
    names = list(report.header["implementations"])
    shown = [_failure(verdict, options, Markup) for verdict in bad[:SHOWN_FAILURES]]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("report.html.j2").render(
        header=report.header,
        seconds=report.footer["seconds"],
        verdict=f"{len(bad)} cases failed"
        if bad
        else "not green"
        if not_green
        else "every case passed",
        not_green=not_green,
        implementations=[_summary(name, report) for name in names],
        distribution=Markup(distribution({name: _ratios(report, name) for name in names})),
        tiers=[_tier(name, names, report) for name in report.header["tiers"]],
        scale=[(f"from {power:g}", colour) for power, colour in COLOURS[1:]],
        skip_colour=SKIP_COLOUR,
        error_colour=ERROR_COLOUR,
        failures=shown,
        more=len(bad) - len(shown),
        known=[verdict for verdict in report.verdicts if verdict.status is Status.KNOWN],
    )


def colour(verdict: Verdict) -> str:
    """The colour of a square of the matrix."""
    if verdict.status in (Status.SKIP, Status.KNOWN):
        return SKIP_COLOUR
    if verdict.status is Status.ERROR:
        return ERROR_COLOUR
    if verdict.ratio is None:
        return COLOURS[0][1] if verdict.status is Status.PASS else COLOURS[-1][1]
    power = power_of(verdict.ratio)
    return [shade for least, shade in COLOURS if power >= least][-1]


def _summary(name: str, report: Report) -> dict[str, Any]:
    own = [verdict for verdict in report.verdicts if verdict.implementation == name]
    found = Counter(verdict.status for verdict in own)
    versions = report.header["implementations"][name]
    return {
        "name": name,
        "versions": ", ".join(f"{key} {value}" for key, value in versions.items()),
        "counts": {status.value: found[status] for status in Status},
        "worst": max(_ratios(report, name), default=0.0),
        "speed": next(e["speed"] for e in report.footer["effort"] if e["name"] == name),
    }


def _tier(tier: str, names: Sequence[str], report: Report) -> dict[str, Any]:
    rows = []
    for name in names:
        own = [v for v in report.verdicts if v.tier == tier and v.implementation == name]
        cells = [{"colour": colour(verdict), "title": _title(verdict)} for verdict in own]
        passed = sum(verdict.status is Status.PASS for verdict in own)
        ran = sum(verdict.status is not Status.SKIP for verdict in own)
        rows.append({"name": name, "cells": cells, "passed": passed, "ran": ran})
    return {"name": tier, "rows": rows}


def _title(verdict: Verdict) -> str:
    ratio = "" if verdict.ratio is None else f", {verdict.ratio:.3g}"
    return f"{verdict.case}: {verdict.status.value}{ratio}"


def _failure(verdict: Verdict, options: Mapping[str, str], safe: Any) -> dict[str, Any]:
    picture = safe(heat_map(verdict.pattern)) if verdict.pattern else ""
    return {
        "status": verdict.status.value.upper(),
        "case": verdict.case,
        "tier": verdict.tier,
        "implementation": verdict.implementation,
        "message": verdict.message,
        "worst": str(verdict.worst) if verdict.worst else "",
        "hint": verdict.hint,
        "picture": picture,
        "rerun": rerun(verdict, options.get(verdict.tier, "")),
    }


def _ratios(report: Report, name: str) -> list[float]:
    own = (verdict for verdict in report.verdicts if verdict.implementation == name)
    return [verdict.ratio for verdict in own if verdict.ratio is not None]
