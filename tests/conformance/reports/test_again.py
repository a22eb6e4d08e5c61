"""Running again what failed: the same verdicts, of the same implementations, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance import Status
from conformance.commands.cli import main
from conformance.reports.report import Report, read_report

pytestmark = pytest.mark.slow

RIGHT, WRONG = "tests.conformance.wrong:right", "tests.conformance.wrong:asymmetric_padding"
GOOD = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def report(folder: Path) -> Report:
    return read_report(folder / "report.jsonl")


@pytest.fixture(scope="module", autouse=True)
def unshrunk() -> Iterator[None]:
    """Nothing here looks at the smallest cases that still fail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conformance.commands.execution.SHRINK_SECONDS", 0.0)
        yield


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two, of which one fails, with random layers; the tests only read its report."""
    folder = tmp_path_factory.mktemp("earlier")
    names = ["--implementation", RIGHT, "--implementation", WRONG]
    tiers = ["--tier", "exact", "--tier", "random", "--random", "15"]
    assert run(*names, *tiers, "--report", str(folder)).exit_code == 1
    return folder


def test_what_failed_runs_again_and_nothing_else(earlier: Path, tmp_path: Path) -> None:
    bad = {(v.tier, v.case, v.implementation) for v in report(earlier).verdicts if v.is_bad}
    result = run("--failed", str(earlier), "--report", str(tmp_path / "again"))
    again = report(tmp_path / "again")

    assert result.exit_code == 1
    assert {tier for tier, _, _ in bad} == {"exact", "random"}
    assert {(v.tier, v.case, v.implementation) for v in again.verdicts} == bad
    assert {verdict.status for verdict in again.verdicts} == {Status.FAIL}


def test_nothing_failed_of_another(earlier: Path) -> None:
    path = str(earlier / "report.jsonl")
    result = run("--failed", path, "--implementation", RIGHT)

    assert result.exit_code == 0
    assert result.output == f"nothing failed in {path}\n"


@pytest.mark.parametrize("asked", [["typo"], [GOOD, "typo"], [GOOD, "typo", "more"]])
def test_a_case_that_does_not_exist_is_wrong_usage(asked: list[str]) -> None:
    cases = [part for case in asked for part in ("--case", case)]
    result = run("--implementation", RIGHT, "--tier", "exact", *cases)
    unknown = ", ".join(repr(case) for case in asked if case != GOOD)

    assert result.exit_code == 2
    assert f"no case is called {unknown}: see" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--implementation", "oracle"], "`--implementation` oracle needs a report of it"),
        (["--tier", "module"], "`--tier` module needs a report of it"),
    ],
)
def test_what_a_run_did_not_have_did_not_pass_in_it(
    asked: list[str], words: str, earlier: Path
) -> None:
    result = run("--failed", str(earlier / "report.jsonl"), *asked)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_run_without_a_failure_that_was_not_green_stays_so(tmp_path: Path) -> None:
    name = "tests.conformance.hostile:judged_by_few"
    first = run("--implementation", name, "--tier", "exact", "--report", str(tmp_path))
    again = run("--failed", str(tmp_path / "report.jsonl"))

    assert (first.exit_code, again.exit_code) == (3, 3)
    assert f"not green: {name} judged by" in again.output.splitlines()[-1]


def test_tier_random_without_a_number_is_wrong_usage() -> None:
    result = run("--implementation", RIGHT, "--tier", "random", "--tier", "exact")

    assert result.exit_code == 2
    assert "`--tier random` needs `--random N`" in " ".join(result.output.split())


def test_a_number_of_random_layers_without_their_tier_is_wrong_usage() -> None:
    result = run("--implementation", RIGHT, "--tier", "exact", "--random", "5")

    assert result.exit_code == 2
    assert "`--random N` beside other tiers needs `--tier random`" in " ".join(
        result.output.split()
    )
