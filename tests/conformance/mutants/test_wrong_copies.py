"""Deliberately wrong implementations are failed by a named tier, with exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow

TIERS = ("contract", "exact", "module", "special", "weights")
# Which tiers must fail, and a word of the hint by which at least one failure helps.
DEFECTS = {
    "interleaved": ({"exact", "module"}, "channels are permuted"),
}


def run(name: str, folder: Path) -> tuple[int, list[dict]]:
    """Exit code and verdicts of a whole run but for the network tier."""
    command = [sys.executable, "-m", "conformance", "run", "--report", str(folder)]
    command += ["--implementation", f"tests.conformance.wrong:{name}"]
    for tier in TIERS:
        command += ["--tier", tier]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = (folder / "report.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return done.returncode, [record for record in records if record["kind"] == "verdict"]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_failed_by_the_tiers_that_name_it(name: str, tmp_path: Path) -> None:
    tiers, word = DEFECTS[name]
    code, verdicts = run(name, tmp_path)
    failures = [verdict for verdict in verdicts if verdict["status"] == "fail"]
    assert code == 1
    assert tiers <= {verdict["tier"] for verdict in failures}
    assert any(word in verdict["hint"] for verdict in failures)
    assert not [verdict for verdict in verdicts if verdict["status"] == "error"]


def test_the_right_copy_passes(tmp_path: Path) -> None:
    code, verdicts = run("right", tmp_path)
    assert code == 0
    assert {verdict["status"] for verdict in verdicts} == {"pass", "skip"}
    assert {verdict["tier"] for verdict in verdicts} == set(TIERS)
