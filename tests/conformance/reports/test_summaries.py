"""The badge and the page of Markdown: what they say of every end of a run."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance import Status, Verdict
from conformance.reports.badge import badge
from conformance.reports.files import BADGE, HTML, SUMMARY, render_page, write_report
from conformance.reports.html import render
from conformance.reports.markdown import summary
from conformance.reports.report import LINES, Report, make_report, read_report
from conformance.running.results import Run
from conformance.tiers import ExactTier, FamilyTier
from conformance.tiers.base import Settings
from weights import GhostError

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


def with_header(report: Report, **fields: Any) -> Report:
    return replace(report, header=report.header | fields)


def test_no_command_is_cut_in_the_middle() -> None:
    files = f"--weights {'long/' * 100}a.safetensors --images b.npz"
    command = f"ghost-conformance run {files}"
    text = summary(with_header(report(FAIL), command=command, options={"exact": files}))

    assert text.endswith(f"\n\n`{command}`\n")
    assert f"--tier exact --case a {files}`\n" in text


def test_what_is_no_text_is_written_with_escapes(tmp_path: Path) -> None:
    files = "--weights '\udcff'"
    command = f"ghost-conformance run {files}"
    one = report(FAIL, message="no \ud800")
    write_report(tmp_path, with_header(one, command=command, options={"exact": files}))
    read = read_report(tmp_path / LINES)

    assert read.header["command"] == "ghost-conformance run --weights '\\udcff'"
    assert read.header["options"] == {"exact": "--weights '\\udcff'"}
    assert [verdict.message for verdict in read.verdicts] == ["no \\ud800"]
    for name in (SUMMARY, HTML):
        assert "\\udcff" in (tmp_path / name).read_text(encoding="utf-8")


def test_both_are_written_with_a_report(tmp_path: Path) -> None:
    one = report(PASS)
    write_report(tmp_path, one)

    assert json.loads((tmp_path / BADGE).read_text()) == badge(one)
    assert (tmp_path / SUMMARY).read_text() == summary(one)


def test_a_page_without_its_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(GhostError) as caught:
        render_page(report(PASS))
    assert str(caught.value) == (
        "report.html needs jinja2, which is not installed: pip install 'ghostconv[conformance]'"
    )


def noted(cases: int | None, *, full: bool) -> Report:
    """The report of a run of tier `family`, or of so many of its cases."""
    tier = FamilyTier(Settings(full=full))
    return make_report(Run([], {}, 1.0), [(tier, tier.cases()[:cases]), (ExactTier(), [])])


def test_every_report_says_what_more_a_full_run_has() -> None:
    left_out = len(FamilyTier(Settings(full=True)).cases()) - len(FamilyTier().cases())
    line = f"more cases with --full: family {left_out}"
    usual = noted(None, full=False)

    assert left_out > 0
    assert usual.footer["notes"] == [line]
    assert line in render(usual)
    assert line in summary(usual)


@pytest.mark.parametrize(("cases", "full"), [(None, True), (3, False)])
def test_a_run_that_is_full_or_was_narrowed_says_nothing_of_it(
    cases: int | None, full: bool
) -> None:
    assert noted(cases, full=full).footer["notes"] == []
