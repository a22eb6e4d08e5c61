"""The example of an implementation is short, and green in the tiers that its page names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project.environments import EXAMPLE, PAGE, README

PROGRAM = README.parent / "examples" / "mlx_ghost_conv.py"
LONGEST = 150


def test_the_example_is_short() -> None:
    lines = len(PROGRAM.read_text().splitlines())

    assert lines <= LONGEST
    assert f"in {lines} lines" in PAGE.read_text()


@pytest.mark.matrix
def test_the_suite_passes_the_example() -> None:
    pytest.importorskip("mlx.core", reason='MLX is not installed: pip install ".[mlx]"')
    command = [sys.executable, "-m", "conformance", *EXAMPLE.split()[1:]]

    done = subprocess.run(
        command, cwd=PROGRAM.parent, capture_output=True, text=True, check=False
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
