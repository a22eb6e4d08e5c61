"""Known deviations: what they excuse, and that they excuse nothing in vain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import Status, Verdict
from conformance.commands.cli import main
from conformance.reports.files import HTML, JUNIT, SUMMARY, write_report
from conformance.reports.report import make_report
from conformance.running.deviations import Deviation, apply, read_deviations
from conformance.running.results import Run
from conformance.tiers import ExactTier
from weights import FormatError

ROOT = Path(__file__).parents[3]
CASE = "k3-s1-p1-r2-dw3-c3x16-9x7-n2-integers"
ENTRY = f"""
[[deviation]]
tier = "exact"
id = "{CASE}"
reason = "it pads on one side"
link = "https://example.org/1"
"""
VERDICTS = [
    Verdict(Status.FAIL, message="wrong", case="a", tier="exact", implementation="mine"),
    Verdict(Status.FAIL, message="wrong", case="a", tier="exact", implementation="yours"),
    Verdict(Status.PASS, case="b", tier="exact", implementation="mine"),
]


def test_what_is_listed_and_fails_is_known() -> None:
    known = [Deviation("exact", "a", "a reason", "a link")]

    mine, yours, other = apply(VERDICTS, "mine", known)

    assert (mine.status, mine.message) == (Status.KNOWN, "known: a reason (a link)")
    assert not mine.is_bad
    assert (yours, other) == (VERDICTS[1], VERDICTS[2])


@pytest.mark.parametrize("case", ["b", "absent"])
def test_what_is_listed_and_does_not_fail_is_an_error(case: str) -> None:
    *_, last = apply(VERDICTS, "mine", [Deviation("exact", case, "a reason")])

    assert (last.case, last.status) == (case, Status.ERROR)
    assert "did not fail: take it out of the list" in last.message


def test_a_case_that_was_run_has_one_verdict() -> None:
    listed = [Deviation("exact", case, "a reason") for case in ("a", "b")]

    found = [(each.case, each.status) for each in apply(VERDICTS, "mine", listed)]

    assert found == [("a", Status.KNOWN), ("a", Status.FAIL), ("b", Status.ERROR)]


def test_what_is_listed_for_some_machines_may_pass_on_others() -> None:
    known = [Deviation("exact", "b", "a reason", where="some processors")]

    assert list(apply(VERDICTS, "mine", known)) == VERDICTS


@pytest.mark.parametrize(("tier", "case"), [("exact", CASE), ("random", "k1-of-a-longer-run")])
def test_what_is_listed_and_was_not_run_is_nobodys_error(tier: str, case: str) -> None:
    assert list(apply(VERDICTS, "mine", [Deviation(tier, case, "a reason")])) == VERDICTS


def test_a_list_for_an_implementation_that_does_not_run_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(ENTRY)
    known = f"mine:typo={tmp_path / 'known.toml'}"
    result = CliRunner().invoke(main, ["run", "--implementation", "oracle", "--deviations", known])

    assert result.exit_code == 2
    assert "`--deviations` is for mine:typo, which does not run" in " ".join(result.output.split())


def test_what_is_known_stands_in_every_report(tmp_path: Path) -> None:
    known = [Deviation("exact", "a", "a reason", "a link")]
    verdicts = list(apply(VERDICTS[:1], "mine", known))
    write_report(tmp_path, make_report(Run(verdicts, {"mine": {}}, 1.0), [(ExactTier(), [])]))

    for name in (JUNIT, HTML, SUMMARY):
        assert "known: a reason (a link)" in (tmp_path / name).read_text()


def test_the_command_for_a_listed_case_has_the_list(tmp_path: Path) -> None:
    verdicts = list(apply(VERDICTS[2:], "mine", [Deviation("exact", "b", "a reason")]))
    settings = {"deviations": {"mine": "my lists/known.toml"}}
    run = Run(verdicts, {"mine": {}, "yours": {}}, 1.0)
    report = make_report(run, [(ExactTier(), [])], settings=settings)
    write_report(tmp_path, report)

    option = " --deviations 'mine=my lists/known.toml'"
    assert report.again(verdicts[-1]).endswith(f"--tier exact --case b{option}")
    assert report.again(VERDICTS[1]).endswith("--case a")
    assert "&#39;mine=my lists/known.toml&#39;" in (tmp_path / HTML).read_text()
    assert option in (tmp_path / SUMMARY).read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[deviation", "is not TOML"),
        ("x = 1", r"must hold \[\[deviation\]\] tables and nothing else"),
        ('[[deviation]]\ntier = "exact"\nid = "a"', "entry 1 lacks reason"),
        ('[[deviation]]\ntier = "exact"\nwhy = "a"', "entry 1 must have texts called tier, id"),
        ("[[deviation]]\ntier = 1", "entry 1 must have texts"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "known.toml").write_text(text)

    with pytest.raises(FormatError, match=message):
        read_deviations(tmp_path / "known.toml")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot read"):
        read_deviations(tmp_path / "absent.toml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("tests.conformance.wrong:asymmetric_padding", 0, "1 known"),
        ("oracle", 1, "did not fail"),
    ],
)
def test_a_run_takes_the_list(tmp_path: Path, name: str, code: int, word: str) -> None:
    (tmp_path / "known.toml").write_text(ENTRY)
    command = [sys.executable, "-m", "conformance", "run", "--implementation", name]
    command += ["--tier", "exact", "--case", CASE]

    done = subprocess.run(
        [*command, "--deviations", f"{name}={tmp_path / 'known.toml'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout + done.stderr
    assert word in done.stdout
