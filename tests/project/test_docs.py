"""What the documentation shows runs as it stands."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.running.deviations import read_deviations
from conformance.tiers import VECTOR_TIERS, make_tiers

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "adding-an-implementation.md"


SWAP = re.compile(r"Change `(.+)` to `(.+)` and see\.")
EVERY_TIER = ("exact", "module")


def guide_program() -> str:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return program


def judge(folder: Path, program: str, *tiers: str) -> tuple[int, str]:
    """Exit code and output of the suite on a program, in the folder where it is saved."""
    (folder / "mine.py").write_text(program)
    command = [sys.executable, "-m", "conformance", "run", "--implementation", "mine:build"]
    done = subprocess.run(
        [*command, *(part for tier in tiers for part in ("--tier", tier))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_guides_implementation_passes(tmp_path: Path) -> None:
    code, output = judge(tmp_path, guide_program(), *EVERY_TIER)

    assert code == 0, output
    assert "skipped" not in output


@pytest.mark.slow
def test_the_guides_change_shows_the_element_its_pattern_and_the_command(tmp_path: Path) -> None:
    ((old, new),) = SWAP.findall(GUIDE.read_text())
    assert old in guide_program()

    code, output = judge(tmp_path, guide_program().replace(old, new), "exact")

    assert code == 1, output
    assert "worst at [" in output
    assert "hint: explained by: ghosts before the primary channels" in output
    assert "again: ghost-conformance run --implementation mine:build --tier exact" in output
    assert "ValueError" not in output


def test_the_guide_counts_the_vectors() -> None:
    (written,) = re.findall(r"each of (\d+) cases", GUIDE.read_text())

    assert int(written) == sum(len(tier.cases()) for tier in make_tiers(names=VECTOR_TIERS))


def test_every_list_of_known_deviations_has_as_many_as_the_page_says() -> None:
    page = (ROOT / "docs" / "modes.md").read_text()
    links = {file: int(count) for count, file in re.findall(r"\[(\d+)\]\((deviations/.*?)\)", page)}
    folder = ROOT / "docs"
    entries = {
        path.relative_to(folder).as_posix(): len(read_deviations(path))
        for path in (folder / "deviations").iterdir()
    }

    assert links == entries


# Public names of these modules that are no implementations.
NO_MODES = {"PRECISIONS", "strict_arithmetic", "versions"}


def public_names(path: Path) -> set[str]:
    """The names in `__all__` of a module, which is not imported: it needs its framework."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no __all__")


def test_the_tables_of_modes_name_each_that_there_is() -> None:
    page = (ROOT / "docs" / "modes.md").read_text()
    modules = [*ROOT.glob("ghost_*/modes.py"), *ROOT.glob("ghost_*/backends.py")]
    modes = {
        f"{path.parent.name}.{path.stem}:{name}"
        for path in modules
        for name in public_names(path) - NO_MODES
    }

    assert set(re.findall(r"^\| `(\w+\.\w+:\w+)` \|", page, re.MULTILINE)) == modes
