"""What the documentation shows runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "adding-an-implementation.md"


@pytest.mark.slow
@pytest.mark.parametrize(("old", "code"), [("", 0), ("// 2\n", 1)])
def test_the_guides_implementation_passes_until_it_is_broken(
    tmp_path: Path, old: str, code: int
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    if old:
        assert old in program
        program = program.replace(old, "// 2 - 1\n")
    (tmp_path / "mine.py").write_text(program)
    command = [sys.executable, "-m", "conformance", "run", "--implementation", "mine:build"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [*command, "--tier", "exact", "--tier", "module"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout + done.stderr
    assert "skipped" not in done.stdout
