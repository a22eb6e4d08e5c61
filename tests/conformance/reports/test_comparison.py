"""Two reports compared: every kind of change, and what makes a report worse."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance import Status, Verdict
from conformance.commands.cli import main
from conformance.reports.comparison import Change, compare
from conformance.reports.html import render
from conformance.reports.report import LINES, Report, make_report, write_lines
from conformance.running.results import Run
from conformance.tiers import ExactTier

PASS, FAIL, ERROR, SKIP, KNOWN = Status


def report(*statuses: Status | None, seconds: float = 1.0) -> Report:
    """A report whose cases a, b, ... end so; None leaves one out."""
    verdicts = [
        Verdict(status, seconds=seconds, case=case, tier="exact", implementation="mine")
        for case, status in zip("abcdefghij", statuses, strict=False)
        if status is not None
    ]
    return make_report(Run(verdicts, {"mine": {}}, 1.0), [(ExactTier(), [])])


@pytest.mark.parametrize(
    ("before", "after", "change", "is_worse"),
    [
        (PASS, PASS, None, False),
        (FAIL, FAIL, None, False),
        (PASS, FAIL, Change.FAILS, True),
        (SKIP, ERROR, Change.FAILS, True),
        (KNOWN, FAIL, Change.FAILS, True),
        (None, FAIL, Change.FAILS, True),
        (PASS, SKIP, Change.LOST, True),
        (PASS, None, Change.LOST, True),
        (FAIL, PASS, Change.MENDED, False),
        (ERROR, PASS, Change.MENDED, False),
        (FAIL, ERROR, Change.OTHER, False),
        (FAIL, KNOWN, Change.OTHER, False),
        (SKIP, PASS, Change.OTHER, False),
        (None, PASS, Change.ADDED, False),
        (FAIL, None, Change.REMOVED, False),
    ],
)
def test_a_change_is_of_one_kind(
    before: Status | None, after: Status | None, change: Change | None, is_worse: bool
) -> None:
    found = compare(report(before), report(after))

    assert list(found.changes.values()) == ([] if change is None else [change])
    assert found.is_worse is is_worse


def test_times_stand_side_by_side() -> None:
    found = compare(report(PASS, seconds=2.0), report(PASS, PASS, seconds=3.0))

    assert found.seconds == {"mine": (2.0, 6.0)}


def run(folder: Path, before: Report, after: Report, *options: str) -> Result:
    write_lines(folder / "before.jsonl", before)
    (folder / "after").mkdir()
    write_lines(folder / "after" / LINES, after)
    places = [str(folder / "before.jsonl"), str(folder / "after")]
    return CliRunner().invoke(main, ["compare", *places, *options])


def test_the_command_names_what_changed(tmp_path: Path) -> None:
    result = run(tmp_path, report(PASS, FAIL, PASS), report(FAIL, PASS, PASS))

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "1 fails newly",
        "  exact a [mine]: was pass, is fail",
        "1 mended",
        "  exact b [mine]: was fail, is pass",
        "mine: 3.0 s, now 3.0 s",
        "something is worse",
    ]


def test_nothing_worse_ends_well(tmp_path: Path) -> None:
    result = run(tmp_path, report(FAIL, PASS), report(PASS, PASS))

    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "nothing is worse")


def test_what_is_no_report_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "no.jsonl").write_text("{}\n")
    path = str(tmp_path / "no.jsonl")
    result = CliRunner().invoke(main, ["compare", path, path])

    assert result.exit_code == 2
    assert "no.jsonl is no report" in " ".join(result.output.split())


def test_a_page_shows_the_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(tmp_path, report(PASS, FAIL), report(FAIL, PASS), "--page", str(page))
    text = page.read_text()

    assert "<summary>1 fails newly</summary>" in text
    assert "exact b [mine]: was fail, is pass" in text
    assert "Against an earlier report" not in render(report(PASS))
