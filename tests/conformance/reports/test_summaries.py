"""The badge and the page of Markdown: what they say of every end of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance import Status, Verdict
from conformance.reports.badge import badge
from conformance.reports.files import BADGE, SUMMARY, write_report
from conformance.reports.markdown import summary
from conformance.reports.report import Report, make_report
from conformance.running.results import Run
from conformance.tiers import ExactTier

PASS, FAIL, ERROR, SKIP, KNOWN = Status
EVIL = "<b>|`*x*`\n# heading"


def report(*statuses: Status, message: str = "") -> Report:
    verdicts = [
        Verdict(status, message=message, case=case, tier="exact", implementation="mine")
        for case, status in zip("abcdef", statuses, strict=False)
    ]
    run = Run(verdicts, {"mine": {"numpy": "2.4.6"}}, 1.0)
    missing = {"ghost_tf": "absent not installed"}
    return make_report(run, [(ExactTier(), [])], missing, command="ghost-conformance run")


@pytest.mark.parametrize(
    ("statuses", "message", "colour"),
    [
        ((PASS, PASS), "2 passed", "brightgreen"),
        ((PASS, PASS, SKIP), "2 passed", "brightgreen"),
        ((PASS, KNOWN), "1 passed, 1 known to fail", "yellow"),
        ((PASS, SKIP, SKIP), "not green, 1 passed", "yellow"),
        ((PASS, FAIL, ERROR), "2 of 3 failed", "red"),
        ((SKIP,), "nothing ran", "lightgrey"),
        ((), "nothing ran", "lightgrey"),
    ],
)
def test_a_badge_says_how_a_run_ended(
    statuses: tuple[Status, ...], message: str, colour: str
) -> None:
    assert badge(report(*statuses)) == {
        "schemaVersion": 1, "label": "conformance", "message": message, "color": colour
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "heading"),
    [
        ((PASS, PASS), "## ✅ Conformance: every case passed: 2"),
        ((PASS, KNOWN), "## ✅ Conformance: 1 cases passed, 1 known to fail"),
        ((PASS, SKIP, SKIP), "## ❌ Conformance: not green, though every case passed: 1"),
        ((PASS, FAIL), "## ❌ Conformance: 1 of 2 cases failed"),
        ((SKIP,), "## ❌ Conformance: nothing ran"),
    ],
)
def test_the_summary_begins_with_the_end(statuses: tuple[Status, ...], heading: str) -> None:
    assert summary(report(*statuses)).splitlines()[0] == heading


def test_the_summary_has_counts_causes_skips_known_deviations_and_whatever_is_missing() -> None:
    text = summary(report(PASS, FAIL, SKIP, KNOWN, PASS, message="why not"))

    assert (
        "| tier | `mine` |\n| --- | ---: |\n| exact | 2/4, **1 failed, 1 skipped, 1 known** |"
        in text
    )
    assert "### Failures, by cause\n\n- **1 failure: why not** in `mine`: `ghost-conf" in text
    assert "### Skipped\n\n- 1 of `mine`: why not" in text
    assert "### Known deviations\n\n- `d` of `mine`: why not" in text
    assert "ghost\\_tf is missing: absent not installed" in text
    assert "`mine`: numpy 2.4.6" in text
    assert text.endswith("\n\n`ghost-conformance run`\n")


def test_what_an_implementation_says_is_no_markdown() -> None:
    text = summary(report(PASS, PASS, FAIL, SKIP, KNOWN, message=EVIL))

    assert "\n# heading" not in text
    assert EVIL.partition("\n")[0] not in text
    assert "\\<b\\>\\|\\`\\*x\\*\\` \\# heading" in text


def test_both_are_written_with_a_report(tmp_path: Path) -> None:
    one = report(PASS)
    write_report(tmp_path, one)

    assert json.loads((tmp_path / BADGE).read_text()) == badge(one)
    assert (tmp_path / SUMMARY).read_text() == summary(one)
