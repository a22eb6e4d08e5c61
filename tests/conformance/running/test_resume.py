"""Interrupted runs: their journal, and the run that resumes from it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance import Status, Verdict
from conformance.commands.cli import main
from conformance.reports.report import read_report
from conformance.running.journal import NAME, Journal, lock_folder, read_journal
from weights import ArgumentError, FormatError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FAKE = "tests.conformance.fakes:Fake"
VERDICTS = [
    Verdict(Status.PASS, 0.25, case="a", tier="exact", implementation=FAKE),
    Verdict(Status.FAIL, math.inf, "1 of 9 wrong", case="b", tier="exact", implementation=FAKE),
]


def left(folder: Path, verdicts: list[Verdict], names: tuple[str, ...] = ()) -> Path:
    journal = Journal(folder, names)
    journal.begin()
    for verdict in verdicts:
        journal.add(verdict)
    journal.close()
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
    from conformance.tiers import ExactTier

    first, *others = ExactTier().cases()
    earlier = Verdict(
        Status.FAIL,
        9.0,
        "as the earlier run found",
        case=first.id,
        tier="exact",
        implementation=FAKE,
    )
    left(tmp_path, [earlier], (FAKE,))

    arguments = ["run", "--implementation", FAKE, "--tier", "exact", "--resume"]
    result = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path)])
    verdicts = read_report(tmp_path / "report.jsonl").verdicts

    assert result.exit_code == 1
    assert verdicts[0] == earlier
    assert {verdict.status for verdict in verdicts[1:]} == {Status.PASS}
    assert [verdict.case for verdict in verdicts[1:]] == [case.id for case in others]
    assert not (tmp_path / NAME).exists()


def run(folder: Path, *more: str, name: str = FAKE) -> Result:
    arguments = ["run", "--implementation", name, "--tier", "exact", "--report", str(folder)]
    return CliRunner().invoke(main, [*arguments, *more])


@pytest.mark.parametrize("lost", [0, 7])
def test_going_on_writes_nothing_again(lost: int, tmp_path: Path) -> None:
    path = left(tmp_path, VERDICTS)
    path.write_bytes(path.read_bytes()[: -lost or None])
    kept = path.read_bytes().rpartition(b"\n")[0] + b"\n"
    inode = path.stat().st_ino

    journal = Journal(tmp_path)
    journal.begin(resume=True)
    before = path.read_bytes()
    journal.add(VERDICTS[1])
    journal.close()

    assert before == kept
    assert path.read_bytes().startswith(kept)
    assert path.stat().st_ino == inode
    assert list(read_journal(tmp_path).values()) == VERDICTS


def test_a_second_run_in_the_folder_refuses(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        result = run(tmp_path)
    after = run(tmp_path)

    assert (result.exit_code, after.exit_code) == (2, 0)
    assert "another run writes into" in " ".join(result.output.split())
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "badge.json", "junit.xml", "report.html", "report.jsonl", "summary.md"
    ]  # fmt: skip


def test_a_killed_run_holds_no_folder(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from conformance.running.journal import lock_folder\n"
        "with lock_folder(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ArgumentError, match="another run writes into"), lock_folder(tmp_path):
            pass
        holder.kill()
    with lock_folder(tmp_path):
        pass


def test_a_case_that_an_interrupt_ended_is_run_again(tmp_path: Path) -> None:
    def interrupt(verdict: Verdict) -> None:
        journal.add(verdict)
        if len(read_journal(tmp_path)) == 2:
            raise KeyboardInterrupt

    from conformance.running.runner import run as run_all
    from conformance.running.tasks import select_cases
    from conformance.tiers import ExactTier

    journal = Journal(tmp_path)
    journal.begin()
    slow = "tests.conformance.hostile:takes_its_time"
    with pytest.raises(KeyboardInterrupt):
        run_all([FAKE, slow], select_cases([ExactTier()], None), interrupt, jobs=2)
    journal.close()
    found = {verdict.status for verdict in read_journal(tmp_path).values()}

    assert found == {Status.PASS}


def test_changed_code_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mine.py"
    program.write_text("def build(architecture, config, weights): raise ValueError('one')\n")
    monkeypatch.chdir(tmp_path)
    left(tmp_path, [], ("mine:build",))
    same = run(tmp_path, "--resume", name="mine:build")

    left(tmp_path, [], ("mine:build",))
    program.write_text(program.read_text().replace("one", "two"))
    changed = run(tmp_path, "--resume", name="mine:build")
    another = run(tmp_path, "--resume", name="oracle")

    assert same.exit_code == 1  # it fails, but it runs
    assert (changed.exit_code, another.exit_code) == (2, 2)
    assert "has changed since" in " ".join(changed.output.split())


@pytest.mark.parametrize(("before", "now"), [((), ("--full",)), (("--full",), ())])
def test_outputs_asked_for_once_are_not_taken_for_repeated_ones(
    before: tuple[str, ...], now: tuple[str, ...], tmp_path: Path
) -> None:
    journal = Journal(tmp_path, [FAKE], full=bool(before))
    journal.begin()
    journal.close()
    other = run(tmp_path, "--resume", *now)
    same = run(tmp_path, "--resume", *before)

    assert (other.exit_code, same.exit_code) == (2, 0)
    assert "`--resume` needs `--full` where the interrupted run had it" in " ".join(
        other.output.split()
    )


def test_another_weight_file_is_another_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path, [FAKE], files={"weights": "1" * 64})
    journal.begin()
    journal.close()
    other = run(tmp_path, "--resume")

    assert other.exit_code == 2
    assert "`--resume` needs the `--weights` and `--images` of the interrupted run" in " ".join(
        other.output.split()
    )
