"""The files of a report, all of them made of `report.jsonl`."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from conformance.reports.html import render
from conformance.reports.junit import junit
from conformance.reports.report import LINES, Report, read_report, write_lines
from weights import GhostError

JUNIT, HTML = "junit.xml", "report.html"


def prepare(folder: Path) -> None:
    """Make the folder, and remove the report of an earlier run from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LINES, JUNIT, HTML):
        (folder / name).unlink(missing_ok=True)


def write_report(folder: Path, report: Report) -> None:
    """Write every file of a report into `folder`.

    Raises `GhostError` where the package that the page is made by is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / LINES, report)
    written = read_report(folder / LINES)
    tree = ElementTree.ElementTree(junit(written.verdicts, written.footer["not_green"]))
    tree.write(folder / JUNIT, encoding="utf-8", xml_declaration=True)
    try:
        page = render(written)
    except ImportError as error:
        raise GhostError(
            f"report.html needs {error.name}, which is not installed: "
            "pip install 'ghostconv[conformance]'"
        ) from None
    (folder / HTML).write_text(page, encoding="utf-8")
