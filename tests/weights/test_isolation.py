"""The package and its command line run without the frameworks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.shares import some_quick

FRAMEWORKS = ["torch", "jax", "flax", "tensorflow", "keras"]
RUN_WITHOUT_FRAMEWORKS = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "jax", "flax", "tensorflow", "keras"}:
            raise RuntimeError(f"imported {name}")

sys.meta_path.insert(0, Refuse())
from weights.commands.cli import main
main(sys.argv[1:])
"""

# What only some sessions need, by what starts without it.
ORDINARY = {"weights.modules.ordinary.convolutions", "weights.modules.ordinary.others"}
ROOMS = {"weights.deployment", "weights.importers", "weights.prediction", "weights.replacing"}
PACKAGE = {*ROOMS, *ORDINARY, "weights.card", "weights.networks.summary", "tomllib"}
COMMANDS = {"artefacts", "convert", "diff", "evaluate", "export", "predict", "summary", "template"}
INSPECT = """
import sys
from weights.commands.cli import main
main(["inspect", sys.argv[1]], standalone_mode=False)
"""
LEFT_OUT = {
    "import weights.columns.column": PACKAGE,
    INSPECT: {
        *PACKAGE,
        *(f"weights.commands.{name}" for name in (*COMMANDS, "verify")),
        *("rich", "weights.evaluation", "weights.files.diff", "weights.hub"),
    },
}


@pytest.mark.parametrize("command", some_quick([["inspect"], ["inspect", "--json"], ["verify"]], 1))
def test_looking_at_a_file_imports_no_framework(
    write_layer: Callable[..., Path], repository: Path, command: list[str]
) -> None:
    arguments = [*command, str(write_layer("layer.safetensors"))]
    result = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_FRAMEWORKS, *arguments],
        capture_output=True,
        text=True,
        cwd=repository,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert "ghost_conv" in result.stdout


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_hook_against_frameworks_works(repository: Path, framework: str) -> None:
    code = RUN_WITHOUT_FRAMEWORKS.replace(
        "from weights.commands.cli import main", f"import {framework}"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=repository
    )

    assert f"RuntimeError: imported {framework}" in result.stderr


def test_the_package_imports_neither_click_nor_rich(repository: Path) -> None:
    code = "import sys, weights; print(sorted({'click', 'rich'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, check=True
    )

    assert result.stdout == "[]\n"


@pytest.mark.parametrize(("code", "left_out"), LEFT_OUT.items())
def test_a_start_leaves_out_what_it_does_not_need(
    repository: Path, write_layer: Callable[..., Path], code: str, left_out: set[str]
) -> None:
    path = str(write_layer("layer.safetensors"))
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)", path],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    loaded = result.stdout.splitlines()[-1].split()

    assert {"numpy", "weights.files.storage"} <= set(loaded)
    assert [name for name in sorted(left_out) if name in loaded] == []


@pytest.mark.parametrize("name", sorted(set().union(*LEFT_OUT.values())))
def test_what_a_start_leaves_out_is_there(name: str) -> None:
    assert find_spec(name) is not None


@pytest.mark.slow
def test_the_module_is_the_command(repository: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "weights", "--help"],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )

    assert result.stdout.startswith("Usage: ghost-weights ")
    for command in ("inspect", "verify", "import", "export", "diff"):
        assert f"\n  {command} " in result.stdout
