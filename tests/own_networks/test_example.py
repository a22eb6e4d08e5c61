"""The worked example: a network trained in PyTorch, alike in Flax and Keras."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "own_network.py"
PAGE = ROOT / "docs" / "porting-a-network.md"


def test_the_page_shows_lines_of_the_example() -> None:
    program = {line.strip() for line in PROGRAM.read_text().splitlines()}
    steps, _, _ = PAGE.read_text().partition("\n## Feature maps")
    shown = re.findall(r"```python\n(.*?)```", steps, re.DOTALL)

    assert len(shown) == 3
    assert {line for block in shown for line in block.splitlines()} <= program


@pytest.mark.matrix
def test_the_example_classifies_alike_in_every_framework() -> None:
    for package in ("torch", "flax", "keras", "sklearn"):
        pytest.importorskip(package)

    done = subprocess.run(
        [sys.executable, PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    rows = re.findall(r"(\w+): (\d+) of 400 right, (\d+) as in PyTorch, (\S+) apart", done.stdout)
    assert [name for name, *_ in rows] == ["PyTorch", "Flax", "Keras"]
    for _, right, alike, apart in rows:
        assert int(right) > 340
        assert int(alike) == 400
        assert float(apart) < 1e-4
