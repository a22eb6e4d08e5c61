"""Hostile implementations: the run ends with a report of what they did."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance import Status
from conformance.cases.layers import layer_cases
from conformance.cases.model import make_model
from conformance.commands.cli import main
from conformance.implementations.errors import TEXT_LIMIT, TimedOut, safe_str
from conformance.implementations.local import LocalImplementation
from conformance.implementations.process import ProcessImplementation
from conformance.reports.report import read_report
from conformance.running.runner import judge
from conformance.tiers import ContractTier

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CASE = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-normal"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e\ud800-\udfff]")


def run(name: str, folder: Path, *more: str) -> Result:
    chosen = ["--implementation", name, "--tier", "module", "--case", CASE]
    return CliRunner().invoke(main, ["run", *chosen, "--report", str(folder), *more])


def has_ended(process: int) -> bool:
    """True of a process that has ended, a zombie included."""
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forks_and_dies", "died with exit code 5"),
        ("returns_void", "must be an array of numbers, got an array of void32"),
        ("returns_complex", "must be an array of numbers, got an array of complex64"),
        ("raises_the_unspeakable", "a Unspeakable whose text raises KeyboardInterrupt"),
        ("raises_a_book", "(49998000 characters left out)"),
        ("raises_an_unprintable_type", "\\x1b[31m\\u202e: \\x1b]0;title\\x07"),
        ("closes_every_descriptor", "its process died"),
        ("writes_to_every_descriptor", "its process sent what is no reply"),
        ("recurses", "RecursionError"),
        ("exits_in_words", "enough"),
    ],
)
def test_a_run_ends_with_an_error_in_its_report(name: str, words: str, tmp_path: Path) -> None:
    result = run(f"tests.conformance.hostile:{name}", tmp_path, "--timeout", "60")
    (verdict,) = read_report(tmp_path / "report.jsonl").verdicts

    assert (result.exit_code, verdict.status) == (1, Status.ERROR)
    assert words in verdict.message
    assert len(verdict.message) < TEXT_LIMIT + 200
    for text in (result.output, *(file.read_text() for file in tmp_path.iterdir())):
        assert not CONTROLS.search(text)


def test_endless_output_ends_with_the_time_of_its_case(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:never_stops_printing"
    result = run(name, tmp_path, "--timeout", "1")
    (verdict,) = read_report(tmp_path / "report.jsonl").verdicts

    assert (result.exit_code, verdict.message) == (1, "no result within 1 s")


@pytest.mark.parametrize(
    "name", ["hostile:forks", "hostile:returns_a_subclass", "hostile:dollar$name$^[/b]",
             "hostile_versions:build"],
)  # fmt: skip
def test_a_right_result_passes_whatever_is_around_it(name: str, tmp_path: Path) -> None:
    result = run(f"tests.conformance.{name}", tmp_path)
    header = read_report(tmp_path / "report.jsonl").header

    assert result.exit_code == 0, result.output
    assert f"tests.conformance.{name}" in (tmp_path / "report.html").read_text()
    (versions,) = header["implementations"].values()
    assert len(versions) <= 100
    assert all(len(text) < 300 and text.isprintable() for text in versions.values())


def test_the_command_that_runs_a_case_again_is_quoted_for_a_shell() -> None:
    from conformance.judging.verdict import Verdict
    from conformance.reports.summary import rerun_command

    verdict = Verdict(Status.FAIL, case="a", tier="exact", implementation="mine:a$b")

    assert "--implementation 'mine:a$b'" in rerun_command(verdict)


@pytest.mark.parametrize("name", ["mine:\x1b[31m", "mine:" + "x" * 300])
def test_a_name_that_is_not_printable_or_long_is_wrong_usage(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path)

    assert result.exit_code == 2
    assert "must be printable and of at most 200 characters" in " ".join(result.output.split())
    assert not CONTROLS.search(result.output)
    assert len(result.output) < 1000


def test_a_report_folder_that_is_deleted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "report"
    monkeypatch.setenv("DELETED", str(folder))
    result = run("tests.conformance.hostile:deletes_the_report", folder)

    assert result.exit_code == 0, result.output
    assert len(read_report(folder / "report.jsonl").verdicts) == 1


def test_a_report_folder_that_cannot_be_written_ends_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "report"
    monkeypatch.setenv("DELETED", str(folder))
    result = run("tests.conformance.hostile:replaces_the_report", folder)

    assert result.exit_code == 3
    assert "1 passed" in result.output
    assert "there is no report in" in result.output


def test_grandchildren_end_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "sleeper"
    monkeypatch.setenv("SLEEPER", str(marker))
    run("tests.conformance.hostile:starts_a_sleeper", tmp_path)

    assert has_ended(int(marker.read_text()))


def test_a_killed_run_leaves_no_process_behind(tmp_path: Path) -> None:
    marker = tmp_path / "processes"
    command = [sys.executable, "-m", "conformance", "run", "--tier", "module"]
    command += ["--implementation", "tests.conformance.hostile:starts_a_sleeper_and_waits"]
    environment = {**os.environ, "SLEEPER": str(marker)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as parent:
        wait_until(lambda: marker.exists() and " " in marker.read_text())
        parent.kill()

    wait_until(lambda: all(map(has_ended, map(int, marker.read_text().split()))))


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_case_has_its_time_however_many_requests_it_makes() -> None:
    case = next(layer_cases("module", ["normal"]))
    model, x = make_model(case)
    with closing(ProcessImplementation("tests.conformance.hostile:takes_its_time", 2.0)) as process:
        with process.time_limit(), pytest.raises(TimedOut, match="no result within 2 s"):
            for _ in range(10):
                process.call(model, x)
        started = time.monotonic()
        process.call(model, x)
        assert time.monotonic() - started < 30


def test_what_the_suite_does_between_requests_is_not_the_time_of_a_case() -> None:
    model, x = make_model(next(layer_cases("module", ["normal"])))
    with closing(ProcessImplementation("tests.conformance.hostile:zeros", 2.0)) as process:
        process.start()
        with process.time_limit():
            process.call(model, x)
            time.sleep(2.1)
            process.call(model, x)


def test_a_run_ends_early_where_enough_has_failed(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:zeros"
    arguments = ["run", "--implementation", name, "--tier", "module", "--max-failures", "3"]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])
    report = read_report(tmp_path / "report.jsonl")

    assert result.exit_code == 1
    assert report.footer["counts"]["fail"] == 3
    assert report.footer["was_stopped"]
    assert "3 failed in" in result.output
    assert "ended early" in result.output


def test_a_refusal_in_this_process_is_judged_as_in_another() -> None:
    tier = ContractTier()
    case = next(case for case in tier.cases() if case.id.startswith("mistake-"))

    def build(*description: object) -> None:
        raise ValueError("I do not like it")

    verdict = judge(tier, case, LocalImplementation("mine", build))

    assert (verdict.status, verdict.message) == (
        Status.PASS, "refused in its own words: ValueError: I do not like it"
    )  # fmt: skip


def test_a_text_keeps_both_its_ends() -> None:
    text = safe_str("first " + "x" * 10_000 + " last")

    assert text.startswith("first x")
    assert text.endswith("x last")
    assert "(6011 characters left out)" in text
