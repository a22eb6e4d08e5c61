"""The files of a report, all of them made of `report.jsonl`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from conformance.reports.badge import badge
from conformance.reports.causes import Cause, find_causes
from conformance.reports.html import render
from conformance.reports.junit import junit
from conformance.reports.markdown import summary
from conformance.reports.report import LINES, Report, read_report, write_lines
from weights.frameworks import needed

JUNIT, BADGE, SUMMARY, HTML = "junit.xml", "badge.json", "summary.md", "report.html"


def prepare(folder: Path) -> None:
    """Make the folder, and remove the report of an earlier run from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LINES, JUNIT, BADGE, SUMMARY, HTML):
        (folder / name).unlink(missing_ok=True)


def write_report(folder: Path, report: Report) -> None:
    """Write every file of a report into `folder`; raises what `render_page` raises."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / LINES, report)
    written = read_report(folder / LINES)
    tree = ElementTree.ElementTree(junit(written.verdicts, written.footer["not_green"]))
    tree.write(folder / JUNIT, encoding="utf-8", xml_declaration=True)
    (folder / BADGE).write_text(json.dumps(badge(written)) + "\n", encoding="utf-8")
    causes = find_causes(written)
    (folder / SUMMARY).write_text(summary(written, causes), encoding="utf-8")
    (folder / HTML).write_text(render_page(written, causes=causes), encoding="utf-8")


def render_page(
    report: Report, earlier: Report | None = None, causes: Sequence[Cause] | None = None
) -> str:
    """The page for a browser; raises `GhostError` where its package is not installed.

    `causes` are those of the report, which are found here where they are not given.
    """
    with needed(HTML, "conformance"):
        return render(report, earlier, causes)
