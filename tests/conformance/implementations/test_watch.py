"""The watch: importing the oracle, or inspecting the callers, is named and is not green."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import main
from conformance.reports.report import read_report

pytestmark = pytest.mark.slow

CASE = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-normal"
ORACLE = "it imported the oracle"
SUITE = "it imported what judges it"
FRAMES = "it looked at the suite's frames"


def run(name: str, *more: str) -> Result:
    chosen = ["--implementation", name, "--tier", "module", "--case", CASE]
    return CliRunner().invoke(main, ["run", *chosen, *more])


@pytest.mark.parametrize(
    ("name", "violation"),
    [
        ("imports_the_oracle", ORACLE),
        ("imports_and_forgets_the_oracle", ORACLE),
        ("imports_the_oracle_in_a_fork", ORACLE),
        ("reads_the_oracle", ORACLE),
        ("reads_kept_answers", "it opened answers that earlier runs kept"),
        ("imports_a_tier", SUITE),
        ("changes_the_worker", SUITE),
        ("walks_the_frames", FRAMES),
        ("inspects_the_stack", FRAMES),
        ("raises_for_a_frame", FRAMES),
        ("collects_everything", FRAMES),
    ],
)
def test_who_looks_is_told_so_and_is_not_green(name: str, violation: str, tmp_path: Path) -> None:
    name = f"tests.conformance.hostile:{name}"
    result = run(name, "--report", str(tmp_path))
    report = read_report(tmp_path / "report.jsonl")

    assert result.exit_code == 1
    assert f"1/1, {violation}" in result.output
    assert result.output.splitlines()[-1] == f"not green: {name}: {violation}"
    assert report.header["remarks"] == {name: [violation]}
    assert report.footer["not_green"] == [f"{name}: {violation}"]
    assert f"{name}: {violation}" in (tmp_path / "junit.xml").read_text().replace("&apos;", "'")
    assert violation.replace("'", "&#39;") in (tmp_path / "report.html").read_text()


def test_an_indirect_import_is_an_import() -> None:
    result = run("conformance.oracle.adapter:build")

    assert result.exit_code == 1
    assert ORACLE in result.output


@pytest.mark.parametrize("name", ["tests.conformance.hostile:logs_and_warns", "oracle"])
def test_who_logs_warns_and_prints_tracebacks_looks_at_nothing(name: str) -> None:
    assert run(name).exit_code == 0


def test_who_imports_it_as_a_whole_is_not_green_in_a_smaller_tier_either() -> None:
    name = "tests.conformance.hostile:imports_the_oracle"
    arguments = ["run", "--implementation", name, "--implementation", "oracle", "--tier", "exact"]
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 1
    assert f"48/48, {ORACLE}" in result.output
