"""The report of a run: how it is made, and its JSON lines, from which every other form comes."""

from conformance.reports.report.lines import (
    FORMAT,
    LINES,
    Report,
    lines_of,
    read_report,
    write_lines,
)
from conformance.reports.report.making import make_footer, make_report

__all__ = [
    "FORMAT", "LINES", "Report", "lines_of", "make_footer", "make_report", "read_report",
    "write_lines",
]  # fmt: skip
