"""Runs in shards as commands: their merged report is that of one run, whatever the options."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import main
from conformance.reports.report import LINES, read_report
from conformance.running.journal import NAME, Journal

pytestmark = pytest.mark.slow

FAKE = "tests.conformance.fakes:Fake"
WRONG = "tests.conformance.wrong:asymmetric_padding"
# What a machine and a moment decide, and the folder that a report lies in.
TIMES = {"seconds", "started", "command", "effort", "outputs", "cores"}
BOTH = ["--implementation", FAKE, "--implementation", WRONG, "--tier", "exact"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def content(folder: Path) -> tuple[list[Any], str]:
    """The records of a report, and its JUnit, but for times."""
    records = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    timeless = [{k: v for k, v in record.items() if k not in TIMES} for record in records]
    return timeless, re.sub(r' time="[^"]*"', "", (folder / "junit.xml").read_text())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([*BOTH, "--jobs", "3"], id="failures"),
        pytest.param(
            ["--implementation", FAKE, "--tier", "contract", "--tier", "random", "--random", "5"],
            id="random",
            marks=pytest.mark.matrix,
        ),
        pytest.param(
            [
                "--implementation",
                "oracle",
                "--implementation",
                WRONG,
                "--tier",
                "weights",
                "--full",
            ],
            id="pairs",
            marks=pytest.mark.matrix,
        ),
    ],
)
def test_three_shards_are_one_run(options: list[str], tmp_path: Path) -> None:
    whole = invoke("run", *options, "--report", tmp_path / "whole")
    shards = [
        invoke("run", *options, "--shard", f"{index}/3", "--report", tmp_path / str(index))
        for index in (1, 2, 3)
    ]
    merged = invoke("merge", *(tmp_path / str(i) for i in (3, 1, 2)), "--report", tmp_path / "all")

    assert content(tmp_path / "all") == content(tmp_path / "whole")
    assert merged.exit_code == whole.exit_code
    assert all(shard.exit_code <= whole.exit_code for shard in shards), shards[0].output


@pytest.mark.matrix
def test_failures_are_rerun_in_shards(tmp_path: Path) -> None:
    invoke("run", *BOTH, "--report", tmp_path / "first")
    first = read_report(tmp_path / "first" / LINES)
    for index in (1, 2):
        invoke("run", "--failed", tmp_path / "first" / LINES, "--shard", f"{index}/2",
               "--report", tmp_path / str(index))  # fmt: skip
    invoke("merge", tmp_path / "1", tmp_path / "2", "--report", tmp_path / "all")
    again = read_report(tmp_path / "all" / LINES)

    bad = [(verdict.case, verdict.message) for verdict in first.verdicts if verdict.is_bad]
    assert bad
    assert [(verdict.case, verdict.message) for verdict in again.verdicts] == bad


def test_an_interrupted_shard_is_resumed(tmp_path: Path) -> None:
    options = ["--implementation", FAKE, "--tier", "exact", "--shard", "2/3", "--report", tmp_path]
    invoke("run", *options)
    verdicts = read_report(tmp_path / LINES).verdicts
    journal = Journal(tmp_path, [FAKE])
    journal.begin()
    journal.add(verdicts[0])
    journal.close()
    result = invoke("run", *options, "--resume")

    assert result.exit_code == 0
    assert [each.case for each in read_report(tmp_path / LINES).verdicts] == [
        each.case for each in verdicts
    ]
    assert not (tmp_path / NAME).exists()


def test_a_shard_to_which_nothing_falls_passes(tmp_path: Path) -> None:
    case = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers"
    options = ["--implementation", FAKE, "--tier", "exact", "--case", case]
    results = [
        invoke("run", *options, "--shard", f"{index}/2", "--report", tmp_path / str(index))
        for index in (1, 2)
    ]

    assert [result.exit_code for result in results] == [0, 0]
    assert (
        invoke("merge", tmp_path / "1", tmp_path / "2", "--report", tmp_path / "all").exit_code == 0
    )


def test_a_shard_that_ended_early_ends_the_merged_run_so(tmp_path: Path) -> None:
    for index in (1, 2):
        invoke("run", *BOTH, "--shard", f"{index}/2", "--max-failures", "1",
               "--report", tmp_path / str(index))  # fmt: skip
    result = invoke("merge", tmp_path / "1", tmp_path / "2", "--report", tmp_path / "all")

    assert result.exit_code == 1
    assert "ended early" in " ".join(result.output.split())
