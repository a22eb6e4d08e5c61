"""Reports of a run: JSON lines, JUnit, the table and the failures."""

from __future__ import annotations

import json
import math
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from conformance import Status, Verdict, Worst
from conformance.reports.files import prepare, write_report
from conformance.reports.report import make_report, read_report
from conformance.reports.summary import rerun_command
from conformance.reports.terminal import failure_text, show, table
from conformance.running.deviations import read_deviations
from conformance.running.results import Run
from conformance.tiers import ExactTier, SpecialTier
from weights import FormatError

WORST = Worst((0, 3, 1, 2), 1.5, 1.0, 0.5, 0.25, 2.0)
VERDICTS = [
    Verdict(Status.PASS, 0.25, case="a", tier="exact", implementation="ghost_torch"),
    Verdict(
        Status.FAIL,
        2.0,
        "1 of 9 wrong",
        WORST,
        "padding",
        seconds=0.5,
        case="b",
        tier="exact",
        implementation="ghost_torch",
    ),
    Verdict(
        Status.SKIP, message="no such method", case="a", tier="exact", implementation="ghost_jax"
    ),
    Verdict(
        Status.ERROR,
        message="no result within 120 s",
        case="b",
        tier="exact",
        implementation="ghost_jax",
    ),
]
RUN = Run(VERDICTS, {"ghost_torch": {"torch": "2.13.0"}, "ghost_jax": {"jax": "0.10.2"}}, 12.0)
MISSING = {"ghost_tf": "absent not installed"}
REPORT = make_report(RUN, [(ExactTier(), [])], MISSING)


def test_a_report_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    report = read_report(tmp_path / "report.jsonl")
    assert report.verdicts == VERDICTS
    assert report.header["implementations"] == RUN.versions
    assert list(report.header["missing"]) == ["ghost_tf"]
    assert report.footer["counts"] == {"pass": 1, "fail": 1, "error": 1, "skip": 1, "known": 0}


def test_a_report_without_its_footer_was_cut_short(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    path = tmp_path / "report.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(FormatError, match="is cut short"):
        read_report(path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.99])
def test_a_report_that_ends_within_a_line_was_cut_short(kept: float, tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    path = tmp_path / "report.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(FormatError, match="is cut short"):
        read_report(path)


def test_a_report_that_lost_a_line_is_refused(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    path = tmp_path / "report.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    with pytest.raises(FormatError, match=r"lacks verdicts: it holds .*'fail': 0.*'fail': 1"):
        read_report(path)


def test_nan_and_infinity_are_strict_json_and_read_back(tmp_path: Path) -> None:
    worst = Worst((0, 1), math.nan, -math.inf, math.inf, 0.0, math.inf)
    verdict = Verdict(
        Status.FAIL, math.inf, "NaN", worst, case="a", tier="special", implementation="ghost_tf"
    )
    write_report(tmp_path, make_report(Run([verdict], {}, 1.0), [(SpecialTier(), [])]))
    path = tmp_path / "report.jsonl"
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    assert repr(read_report(path).verdicts) == repr([verdict])


def test_an_earlier_report_does_not_pass_for_a_run_that_never_ended(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_junit_tells_four_things_apart(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    children = {
        (suite.get("name"), case.get("name")): [child.tag for child in case]
        for suite in root
        for case in suite
    }
    assert children == {
        ("ghost_torch", "a"): [],
        ("ghost_torch", "b"): ["failure"],
        ("ghost_jax", "a"): ["skipped"],
        ("ghost_jax", "b"): ["error"],
    }


def test_junit_counts_them(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    counts = {suite.get("name"): dict(suite.items()) for suite in suites}
    assert counts["ghost_torch"] == {
        "name": "ghost_torch", "tests": "2", "failures": "1", "errors": "0", "skipped": "0"
    }  # fmt: skip


def test_the_table_shows_counts_ratios_and_what_is_missing() -> None:
    console = Console(record=True, width=120)
    console.print(table(RUN, ["exact"], MISSING))
    text = console.export_text()
    assert "1/2  2.00  1 failed" in text
    assert "0/1  1 error, 1 skipped" in text
    assert "missing" in text


def test_a_failure_shows_element_hint_and_the_command_that_reruns_it() -> None:
    lines = failure_text(VERDICTS[1], command=rerun_command(VERDICTS[1])).plain.splitlines()
    assert lines[0] == "FAIL b [exact, ghost_torch]"
    assert lines[1] == "  1 of 9 wrong"
    assert lines[2] == (
        "  worst at [0, 3, 1, 2]: got 1.5, wanted 1.0, error 0.5, allowed 0.25, ratio 2"
    )
    assert lines[3] == "  hint: padding"
    command = "ghost-conformance run --implementation ghost_torch --tier exact --case b"
    assert lines[4] == f"  again: {command}"


def test_a_pair_is_rerun_with_both_implementations() -> None:
    verdict = Verdict(
        Status.FAIL, case="k1-F32-from-ghost_jax", tier="weights", implementation="ghost_tf"
    )
    assert rerun_command(verdict) == (
        "ghost-conformance run --implementation ghost_tf --implementation ghost_jax "
        "--tier weights --case k1-F32"
    )


def test_a_rerun_names_the_files_that_the_tier_was_given() -> None:
    verdict = Verdict(Status.FAIL, case="net-stem", tier="network", implementation="ghost_tf")
    assert rerun_command(verdict, "--weights a --images b").endswith(
        "net-stem --weights a --images b"
    )


def test_failures_are_shown_by_cause() -> None:
    run = Run([VERDICTS[1]] * 30 + [VERDICTS[3]], RUN.versions, 1.0)
    console = Console(record=True, width=200)
    show(console, run, make_report(run, [(ExactTier(), [])]))
    text = console.export_text()
    assert "30 failures, one cause: padding\n  in ghost_torch: exact 30\nFAIL b [exact" in text
    assert "1 error: no result within 120 s\n  in ghost_jax: exact 1\nERROR b [exact" in text
    assert text.count("again: ") == 2
    assert "0 passed, 30 failed, 1 error in 1 s" in text


def test_many_causes_are_shown_in_part() -> None:
    bad = [replace(VERDICTS[3], message=f"{letter} broke") for letter in "abcdefghijklm"]
    console = Console(record=True, width=200)
    run = Run(bad, RUN.versions, 1.0)
    show(console, run, make_report(run, [(ExactTier(), [])]))
    text = console.export_text()
    assert text.count("again: ") == 10
    assert "... and 3 more causes" in text


def test_a_report_of_another_format_is_refused(tmp_path: Path) -> None:
    write_report(tmp_path, REPORT)
    path = tmp_path / "report.jsonl"
    path.write_text(path.read_text().replace('"format": 2', '"format": 3', 1))
    with pytest.raises(FormatError, match="has format 3, only 2 is read: run again"):
        read_report(path)


@pytest.mark.parametrize(
    "text",
    [
        "[]\n[]\n[]",
        '{"kind": "header", "format": 2}\n{"kind": "verdict"}\n{"kind": "footer"}',
        '{"kind": "header", "format": 2}\n{"kind": "other"}\n{"kind": "footer"}',
        "7",
        "",
    ],
)
def test_what_is_no_report_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "report.jsonl").write_text(text)

    with pytest.raises(FormatError, match=r"is no report of a run|is cut short"):
        read_report(tmp_path / "report.jsonl")


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_what_cannot_be_read_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(FormatError, match="cannot read"):
        read_report(path)
    with pytest.raises(FormatError, match="cannot read"):
        read_deviations(path)


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        (0, '"tiers": ["exact"]', '"tiers": [1]'),
        (0, '"python": ', '"snake": '),
        (0, '{"torch": "2.13.0"}', '"2.13.0"'),
        (2, '"message": "1 of 9 wrong"', '"message": 9'),
        (2, '"case": "b"', '"case": ["b"]'),
        (2, '"seconds": 0.5', '"seconds": []'),
        (-1, '"effort": [{"name"', '"effort": [{"title"'),
        (-1, '"seconds": 0.5', '"seconds": null'),
        (-1, '"notes": []', '"notes": {}'),
    ],
)
def test_a_record_with_something_else_in_a_field_is_refused(
    line: int, old: str, new: str, tmp_path: Path
) -> None:
    write_report(tmp_path, REPORT)
    path = tmp_path / "report.jsonl"
    lines = path.read_text().splitlines()
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    path.write_text("\n".join(lines))

    with pytest.raises(FormatError, match="is no report of a run"):
        read_report(path)
