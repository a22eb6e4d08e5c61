"""The cache of compiled programs: where it lies, when there is none, and that it is used."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from conformance.cases.layers import layer_cases
from conformance.cases.model import make_model
from conformance.implementations import caching
from conformance.implementations.caching import cache_environment, cache_folder
from conformance.implementations.process import ProcessImplementation
from conformance.implementations.registry import environment

DIRECTORY = "JAX_COMPILATION_CACHE_DIR"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, without settings of XDG or JAX."""
    for name in ("XDG_CACHE_HOME", DIRECTORY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def test_it_lies_among_the_users_caches(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == home / ".cache" / "ghostconv"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert cache_folder() == home / "elsewhere" / "ghostconv"
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == home / "Library" / "Caches" / "ghostconv"


def test_a_relative_place_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")

    assert cache_folder() == home / ".cache" / "ghostconv"


def test_nobody_else_can_write_there() -> None:
    folder = Path(cache_environment()[DIRECTORY])

    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IRWXU


def test_a_folder_that_others_can_write_into_is_not_used() -> None:
    Path(cache_environment()[DIRECTORY]).chmod(0o777)

    assert cache_environment() == {}


def test_the_folder_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    cache_environment()
    monkeypatch.setattr(os, "getuid", lambda: 12345)

    assert cache_environment() == {}


def test_a_link_to_another_folder_is_not_used(home: Path) -> None:
    folder = Path(cache_environment()[DIRECTORY])
    folder.rmdir()
    folder.symlink_to(home, target_is_directory=True)

    assert cache_environment() == {}


def test_a_home_that_cannot_be_written_has_none(home: Path) -> None:
    (home / ".cache").write_text("a file where the folder would be")

    assert cache_environment() == {}


def test_a_cache_that_has_become_large_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(cache_environment()[DIRECTORY])
    (folder / "old").write_bytes(bytes(100))
    assert [path.name for path in folder.iterdir()] == ["old"]

    monkeypatch.setattr(caching, "LIMIT", 50)
    cache_environment()

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["ghost_jax", "ghost_jax.modes:bfloat16"])
def test_what_the_user_has_set_comes_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY, "/mine")

    assert environment(name, cached=True)[DIRECTORY] == "/mine"
    monkeypatch.delenv(DIRECTORY)
    assert DIRECTORY not in environment(name)


def test_programs_of_other_code_lie_elsewhere() -> None:
    places = {cache_environment(of)["GHOSTCONV_PROGRAMS"] for of in ("code", "changed", "code")}

    assert len(places) == 2


def test_a_process_keeps_its_programs_itself_or_leaves_it_to_jax() -> None:
    ours, others = (
        environment(name, cached=True).keys() & {DIRECTORY, "GHOSTCONV_PROGRAMS"}
        for name in ("ghost_jax", "ghost_jax.modes:bfloat16")
    )

    assert ours == {"GHOSTCONV_PROGRAMS"}
    assert others == {DIRECTORY}


@pytest.mark.slow
@pytest.mark.parametrize("quick", [False, True])
def test_a_report_says_what_was_optimised(quick: bool) -> None:
    with closing(ProcessImplementation("ghost_jax", cached=False, quick=quick)) as process:
        process.start()

    assert ("optimised" in process.versions) == quick


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ghost_jax", "ghost_jax.modes:bfloat16"])
def test_a_second_process_gives_the_same_bits_and_compiles_nothing(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = make_model(next(layer_cases("module", ["normal"])))
    monkeypatch.chdir(home)

    def output(cached: bool) -> np.ndarray:
        with closing(ProcessImplementation(name, cached=cached)) as process:
            return process.call(model, x)

    def entries() -> dict[str, int]:
        found = [path for path in cache_folder().glob("jax/*") if "-atime" not in path.name]
        return {path.name: path.stat().st_mtime_ns for path in found}

    without = output(cached=False)
    assert not cache_folder().exists()
    first, written = output(cached=True), entries()
    again = output(cached=True)

    assert written
    assert entries() == written
    np.testing.assert_array_equal(first, without)
    np.testing.assert_array_equal(again, without)
    assert [path.name for path in home.iterdir()] == [".cache"]


@pytest.mark.slow
def test_a_torn_entry_is_compiled_again(home: Path) -> None:
    model, x = make_model(next(layer_cases("module", ["normal"])))

    def output() -> np.ndarray:
        with closing(ProcessImplementation("ghost_jax")) as process:
            return process.call(model, x)

    first = output()
    entries = list(cache_folder().glob("jax/*"))
    assert entries
    for path in entries:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    np.testing.assert_array_equal(output(), first)
