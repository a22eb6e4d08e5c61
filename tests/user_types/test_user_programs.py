"""Checkers of types refuse the wrong lines of a user's program, and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # reads the sources of three frameworks

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]
# Each program, and a module that it needs.
PROGRAMS = {"torch": "torch", "jax": "flax", "tf": "keras", "weights": "numpy"}
# The marker of a line that is to be refused, by both checkers or by one.
MARKERS = ("# error", "# error: {}")


def path(program: str) -> Path:
    return FOLDER / f"{program}_program.py"


def wanted(program: str, checker: str) -> list[int]:
    """The lines of a program that the checker must refuse."""
    markers = tuple(f"  {marker.format(checker)}" for marker in MARKERS)
    lines = enumerate(path(program).read_text().splitlines(), start=1)
    return [number for number, line in lines if line.endswith(markers)]


def run(*command: str) -> str:
    command = (sys.executable, "-m", *command, *(str(path(program)) for program in PROGRAMS))
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout


def mypy() -> dict[str, dict[int, str]]:
    """The messages of mypy, with the configuration of the project, by file and line."""
    output = run("mypy", "--output", "json")
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    errors = [each for each in messages if each["severity"] == "error"]
    return by_file((each["file"], each["line"], each["message"]) for each in errors)


def pyright() -> dict[str, dict[int, str]]:
    """The messages of pyright, by file and line."""
    document = json.loads(run("pyright", "--pythonpath", sys.executable, "--outputjson"))
    found = [each for each in document["generalDiagnostics"] if each["severity"] == "error"]
    start = [each["range"]["start"]["line"] + 1 for each in found]
    return by_file(
        (each["file"], line, each["message"]) for each, line in zip(found, start, strict=True)
    )


def by_file(errors: Any) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {path(program).name: {} for program in PROGRAMS}
    for file, line, message in errors:
        found.setdefault(Path(file).name, {})[line] = message
    return found


# All programs at once: each run of a checker reads the sources of three frameworks.
@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_the_wrong_lines_of_the_programs_are_refused_and_no_others(
    checker: Callable[[], dict[str, dict[int, str]]],
) -> None:
    for module in PROGRAMS.values():
        pytest.importorskip(module)
    errors = checker()
    lines = {path(program).name: wanted(program, checker.__name__) for program in PROGRAMS}

    found = [(file, line) for file, each in errors.items() for line in each]
    marked = [(file, line) for file, each in lines.items() for line in each]
    assert [f"{f}:{n}: {errors[f][n]}" for f, n in found if (f, n) not in marked] == []
    assert [place for place in marked if place not in found] == []
    assert all(lines.values())
