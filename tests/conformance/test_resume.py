"""What an interrupted run leaves, and how another goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import Status, Verdict
from conformance.cli import main
from conformance.journal import NAME, Journal, key, read_journal
from conformance.report import read_report
from weights import ArgumentError, FormatError

FAKE = "tests.conformance.fakes:Fake"
VERDICTS = [
    Verdict("a", "exact", FAKE, Status.PASS, 0.25),
    Verdict("b", "exact", FAKE, Status.FAIL, float("inf"), "1 of 9 wrong"),
]


def left(folder: Path, verdicts: list[Verdict]) -> Path:
    journal = Journal(folder)
    journal.begin({key(verdict): verdict for verdict in verdicts})
    return journal.path


def test_a_journal_reads_back_as_it_was_written(tmp_path: Path) -> None:
    left(tmp_path, VERDICTS)

    assert list(read_journal(tmp_path).values()) == VERDICTS


@pytest.mark.parametrize("lost", [1, 20, 60])
def test_a_last_line_that_was_cut_short_is_run_again(lost: int, tmp_path: Path) -> None:
    path = left(tmp_path, VERDICTS)
    path.write_bytes(path.read_bytes()[:-lost])

    assert list(read_journal(tmp_path).values()) == VERDICTS[:1]


def test_a_damaged_line_is_refused(tmp_path: Path) -> None:
    path = left(tmp_path, VERDICTS)
    path.write_text(path.read_text().replace('"pass"', '"perhaps"'))

    with pytest.raises(FormatError, match=r"is damaged: .* remove it to run from the start"):
        read_journal(tmp_path)


def test_other_versions_are_not_mixed(tmp_path: Path) -> None:
    path = left(tmp_path, VERDICTS)
    first, *rest = path.read_text().splitlines(keepends=True)
    header = json.loads(first)
    header["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(header) + "\n" + "".join(rest))

    with pytest.raises(ArgumentError, match="needs the versions of the interrupted run"):
        read_journal(tmp_path)


def test_without_an_interrupted_run_there_is_nothing_to_resume(tmp_path: Path) -> None:
    arguments = ["run", "--implementation", FAKE, "--tier", "exact", "--resume"]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])
    without = CliRunner().invoke(main, arguments)

    assert (result.exit_code, without.exit_code) == (2, 2)
    assert "which only an interrupted run leaves" in result.output.replace("\n", " ")
    assert "`--resume` needs `--report`" in without.output


def test_a_resumed_run_keeps_the_earlier_verdicts_and_runs_the_others(tmp_path: Path) -> None:
    from conformance.tiers import TIERS

    first, *others = TIERS["exact"].cases()
    earlier = Verdict(first.id, "exact", FAKE, Status.FAIL, 9.0, "as the earlier run found")
    left(tmp_path, [earlier])

    arguments = ["run", "--implementation", FAKE, "--tier", "exact", "--resume"]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])
    verdicts = read_report(tmp_path / "report.jsonl").verdicts

    assert result.exit_code == 1
    assert verdicts[0] == earlier
    assert {verdict.status for verdict in verdicts[1:]} == {Status.PASS}
    assert [verdict.case for verdict in verdicts[1:]] == [case.id for case in others]
    assert not (tmp_path / NAME).exists()
