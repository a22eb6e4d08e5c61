"""The report for a browser: one file, which fetches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.judging.verdict import Status, Verdict
from conformance.reports.pictures import distribution, heat_map, log_ratio
from conformance.reports.report import HTML, LINES, Report, read_report
from conformance.reports.summary import count, count_run, ratios, rerun_command
from weights import GhostError

TEMPLATES = Path(__file__).with_name("templates")
SHOWN_FAILURES = 50
SKIP_COLOUR, ERROR_COLOUR = "#d9c36a", "#4a0010"
# From log10(error / allowed) upwards: greens below the limit, reds above it.
COLOURS = ((-9.0, "#d7efd7"), (-2.0, "#a6d8a6"), (-1.0, "#68b568"), (-0.3, "#2f8f3a"),
           (0.0, "#e57373"), (1.0, "#c62828"), (3.0, "#7f0000"))  # fmt: skip


def write_page(folder: Path, options: Mapping[str, str]) -> None:
    """Write `report.html` beside `report.jsonl`.

    `options` are those with which a tier, by its name, has the cases of the run. Raises
    `GhostError` where a package that the page is drawn by is not installed.
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
    """The whole document; `options` are those of `write_page`."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    names = list(report.header["implementations"])
    own = {name: [v for v in report.verdicts if v.implementation == name] for name in names}
    bad = [verdict for verdict in report.verdicts if verdict.is_bad]
    not_green = report.footer.get("not_green", [])
    title = "not green" if not_green else "every case passed"
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("report.html.j2").render(
        header=report.header,
        footer=report.footer,
        title=f"{len(bad)} cases failed" if bad else title,
        not_green=not_green,
        implementations=[_summary(name, own[name], report) for name in names],
        distribution=Markup(distribution({name: ratios(own[name]) for name in names})),
        tiers=[
            (tier, [(name, *_row(tier, own[name])) for name in names])
            for tier in report.header["tiers"]
        ],
        scale=[(f"from {power:g}", colour) for power, colour in COLOURS[1:]],
        skip_colour=SKIP_COLOUR,
        error_colour=ERROR_COLOUR,
        failures=[
            {
                "verdict": verdict,
                "picture": Markup(heat_map(verdict.pattern) if verdict.pattern else ""),
                "rerun": rerun_command(verdict, options.get(verdict.tier, "")),
            }
            for verdict in bad[:SHOWN_FAILURES]
        ],
        more=len(bad[SHOWN_FAILURES:]),
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
    power = log_ratio(verdict.ratio)
    return [shade for least, shade in COLOURS if power >= least][-1]


def _summary(name: str, own: Iterable[Verdict], report: Report) -> dict[str, Any]:
    counts = count(own)
    versions = report.header["implementations"][name]
    return {
        "name": name,
        "versions": ", ".join(f"{key} {value}" for key, value in versions.items()),
        "counts": {status.value: counts[status] for status in Status},
        "worst": max(ratios(own), default=0.0),
        "speed": next(e["speed"] for e in report.footer["effort"] if e["name"] == name),
    }


def _row(tier: str, own: Iterable[Verdict]) -> tuple[str, list[dict[str, str]]]:
    """The passed of all cases of a tier that ran, and a square for each case."""
    verdicts = [verdict for verdict in own if verdict.tier == tier]
    counts = count(verdicts)
    squares = [{"colour": colour(verdict), "title": _title(verdict)} for verdict in verdicts]
    return f"{counts[Status.PASS]}/{count_run(counts)}", squares


def _title(verdict: Verdict) -> str:
    ratio = "" if verdict.ratio is None else f", {verdict.ratio:.3g}"
    return f"{verdict.case}: {verdict.status.value}{ratio}"
