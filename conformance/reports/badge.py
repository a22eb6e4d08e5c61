"""The end of a run as a badge: the JSON that an endpoint badge of shields.io reads."""

from __future__ import annotations

from typing import Any

from conformance.judging.verdict import Status
from conformance.reports.report import Report
from conformance.reports.summary import count, count_run

LABEL = "conformance"


def badge(report: Report) -> dict[str, Any]:
    """Label, message and colour, by the names that shields.io gives them.

    Red where a case failed, yellow where the run is not green for another reason or knows failures.
    """
    counts = count(report.verdicts)
    bad, ran = counts[Status.FAIL] + counts[Status.ERROR], count_run(counts)
    message, colour = f"{counts[Status.PASS]:,} passed", "brightgreen"
    if counts[Status.KNOWN]:
        message, colour = f"{message}, {counts[Status.KNOWN]:,} known to fail", "yellow"
    if not report.is_green:
        message, colour = f"not green, {message}", "yellow"
    if bad:
        message, colour = f"{bad:,} of {ran:,} failed", "red"
    if not ran:
        message, colour = "nothing ran", "lightgrey"
    return {"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}
