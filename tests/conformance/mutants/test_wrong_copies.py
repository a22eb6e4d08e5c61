"""Deliberately wrong implementations are failed by the tiers that see it, with exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MATRIX = pytest.mark.matrix
pytestmark = pytest.mark.slow

TIERS = ("contract", "exact", "module", "special", "weights")
# Beside the matrix, which asks for all of them.
QUICK = ("exact",)
SOME_AND_ALL = pytest.mark.parametrize(
    "tiers", [pytest.param(QUICK, id="quick"), pytest.param(TIERS, id="all", marks=MATRIX)]
)


def run(name: str, tiers: tuple[str, ...], folder: Path) -> tuple[int, list[dict]]:
    """Exit code and verdicts of a run of these tiers."""
    command = [sys.executable, "-m", "conformance", "run", "--report", str(folder)]
    command += ["--implementation", f"tests.conformance.wrong:{name}"]
    for tier in tiers:
        command += ["--tier", tier]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = (folder / "report.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return done.returncode, [record for record in records if record["kind"] == "verdict"]


@SOME_AND_ALL
def test_a_defect_is_failed_by_the_tiers_that_see_it(
    tiers: tuple[str, ...], tmp_path: Path
) -> None:
    code, verdicts = run("interleaved", tiers, tmp_path)
    failures = [verdict for verdict in verdicts if verdict["status"] == "fail"]

    assert code == 1
    assert {verdict["tier"] for verdict in failures} == {"exact", "module", "special"} & set(tiers)
    assert any("channels are permuted" in verdict["hint"] for verdict in failures)
    assert not [verdict for verdict in verdicts if verdict["status"] == "error"]


@SOME_AND_ALL
def test_the_right_copy_passes(tiers: tuple[str, ...], tmp_path: Path) -> None:
    code, verdicts = run("right", tiers, tmp_path)

    assert code == 0
    assert {verdict["status"] for verdict in verdicts} <= {"pass", "skip"}
    assert {verdict["tier"] for verdict in verdicts} == set(tiers)
