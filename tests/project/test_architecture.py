"""The map names every room, in the order that the linter holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def floors(package: str) -> list[str]:
    """The rooms of a package from the top, as the linter has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (each for each in settings["contracts"] if each.get("containers") == [package])
    return [name for layer in contract["layers"] for name in layer.split(" | ")]


def named(package: str) -> list[str]:
    """The rooms of a package in the order of the page's table."""
    table = PAGE.partition(f"| `{package}`, from the top |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def rooms(package: str) -> set[str]:
    return {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}


@pytest.mark.parametrize("package", ["weights", "conformance"])
def test_the_map_names_every_room_from_the_top(package: str) -> None:
    order = floors(package)
    found = named(package)

    assert rooms(package) <= set(found)
    assert [name for name in order if name in rooms(package)] == [
        name for name in found if name in rooms(package)
    ]


@pytest.mark.parametrize("column", ["ghost_torch", "ghost_jax", "ghost_tf"])
def test_the_map_names_every_room_of_a_column(column: str) -> None:
    table = PAGE.partition("| a column |")[2].partition("\n\n")[0]

    assert rooms(column)
    assert rooms(column) <= set(re.findall(r"`(\w+)`", table))


def test_every_file_that_the_map_names_is_there() -> None:
    paths = re.findall(r"`((?:weights|conformance|tests)/[\w/.]+)`", PAGE)

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
