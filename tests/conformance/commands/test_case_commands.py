"""Looking at a case, running again what failed, and the smallest case that still fails."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cases.case import Case
from conformance.commands.cli import main
from conformance.running.shrinking import renamed, shrink

pytestmark = pytest.mark.slow  # every test starts the command line

ROOT = Path(__file__).parents[3]
NAME = "tests.conformance.wrong:asymmetric_padding"
FAILING = "k3-s1x2-p1-r2-dw3-c6x10-9x10-n1-integers"
PASSING = "k1-s1-p0-r2-dw3-c8x16-8x8-n2-integers"


def run(*arguments: str | Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "conformance", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_case_is_shown_with_the_digests_of_its_tensors() -> None:
    code, output = run("show", PASSING)

    document = json.loads(output)
    assert code == 0
    assert document["config"]["c_out"] == 16
    assert len(document["sha256"]) == 11
    assert "4.8" in document["clauses"]


def test_a_random_case_is_shown_and_shrunk_by_its_number() -> None:
    from conformance.tiers import RandomTier, Settings

    last = RandomTier(Settings(random=3)).cases()[-1].id

    code, output = run("show", last, "--random", "3")
    shrunk, text = run("shrink", last, "--implementation", "oracle", "--random", "3")

    assert (code, shrunk) == (0, 0)
    assert json.loads(output)["tier"] == "random"
    assert "does not fail: there is nothing to shrink" in text


def test_a_case_shrinks_to_what_matters() -> None:
    code, output = run("shrink", FAILING, "--implementation", NAME)

    assert code == 1
    assert '"id": "k1-s1-p1-r2-dw3-c1x2-1x1-n1-integers"' in output
    assert "hint: the map is shifted" in output


def test_a_case_that_passes_is_not_shrunk() -> None:
    code, output = run("shrink", PASSING, "--implementation", NAME)

    assert code == 0
    assert "does not fail: there is nothing to shrink" in output


def test_a_case_that_is_refused_is_not_judged() -> None:
    code, output = run("shrink", PASSING, "--implementation", "tests.conformance.fakes:Refuses")

    assert code == 3
    assert f"exact {PASSING} is not judged: " in output


@pytest.mark.parametrize(
    "command", [("show", "mouse"), ("shrink", "mouse", "--implementation", "oracle")]
)
def test_an_unknown_case_is_wrong_usage(command: tuple[str, ...]) -> None:
    code, output = run(*command)

    assert code == 2
    assert "no case is called 'mouse': see `ghost-conformance list`" in output


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (FAILING[:-1], f"is {FAILING} meant?"),
        ("ghost_conv-sizes", "'ghost_conv-sizes' is one of sequence"),
    ],
)
def test_what_cannot_be_shrunk_is_wrong_usage(case: str, words: str) -> None:
    result = CliRunner().invoke(main, ["shrink", case, "--implementation", "oracle"])

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


CASE = Case("x", "module", "ghost_conv",
            {"c_in": 8, "c_out": 17, "ratio": 4, "dw_kernel_size": 5, "activation": "silu"},
            (2, 8, 7, 7), "normal")  # fmt: skip


def test_what_the_failure_needs_is_kept() -> None:
    small = shrink(CASE, lambda case: case.config.get("ratio", 2) == 4 and case.input_shape[2] >= 3)

    assert small.config == {"c_in": 1, "c_out": 1, "ratio": 4}
    assert small.input_shape == (1, 1, 3, 1)
    assert renamed(small).id == "k1-s1-p0-r4-dw3-c1x1-3x1-n1-normal"


def test_a_case_that_does_not_fail_stays_as_it_is() -> None:
    assert shrink(CASE, lambda case: False) == CASE
    assert replace(CASE, id="y").config is CASE.config
