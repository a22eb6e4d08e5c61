"""A run on Ray gives the verdicts of a local run, and outlives its actors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main

pytestmark = [pytest.mark.runtimes, pytest.mark.filterwarnings("ignore::ResourceWarning")]

TIERS = ("--tier", "exact", "--tier", "weights", "--tier", "sequence")
STRIDED, PLAIN = "k3-s2-p1-r2-dw3-c3x16-10x10-n2-normal", "k1-s1-p0-r4-dw5-c8x17-7x7-n2-normal"


def verdicts(folder: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(main, ["run", *options, "--report", str(folder)])
    assert done.exit_code in (0, 1), done.output
    lines = map(json.loads, (folder / "report.jsonl").read_text().splitlines())
    found = [line for line in lines if "status" in line]
    return {f"{each['tier']}/{each['case']}": each for each in found}


@pytest.fixture(scope="module", autouse=True)
def ray() -> Any:
    return pytest.importorskip("ray")


def test_every_verdict_is_that_of_a_local_run(tmp_path: Path) -> None:
    chosen = ("--implementation", "oracle", *TIERS)

    local, remote = (
        verdicts(tmp_path / engine, *chosen, "--engine", engine) for engine in ("local", "ray")
    )

    parts = ("status", "ratio", "message")
    assert len(local) > 60
    assert {name: [each[part] for part in parts] for name, each in remote.items()} == {
        name: [each[part] for part in parts] for name, each in local.items()
    }


def test_the_case_of_an_actor_that_ends_is_judged_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHOST_MARK", str(tmp_path / "ended"))
    name = "tests.conformance.mortal:once"

    found = verdicts(
        tmp_path / "run", "--implementation", name, "--tier", "module", "--case", PLAIN,
        "--engine", "ray",
    )  # fmt: skip

    assert (tmp_path / "ended").exists()
    assert found[f"module/{PLAIN}"]["status"] == "fail"  # an identity is no right answer


def test_a_case_that_ends_two_actors_is_its_own_error(tmp_path: Path) -> None:
    name = "tests.conformance.mortal:always"

    found = verdicts(
        tmp_path / "run", "--implementation", name, "--tier", "module", "--case", PLAIN, "--case",
        STRIDED, "--engine", "ray",
    )  # fmt: skip

    assert found[f"module/{STRIDED}"]["status"] == "error"
    assert "its actor ended 2 times" in found[f"module/{STRIDED}"]["message"]
    assert found[f"module/{PLAIN}"]["status"] == "fail"
