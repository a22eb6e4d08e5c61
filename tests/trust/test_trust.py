"""The short forms of `make fuzz` and `make torture`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trust.fuzzers import containers, contents, differential, importers, state_dicts
from tests.trust.fuzzers.interchange import fuzz
from tests.trust.fuzzers.mutations import KINDS
from tests.trust.torture.saving import NAME, save
from weights.files import writing
from weights.files.strays import prefix

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="it forks processes")


@pytest.mark.slow
@posix
def test_a_mutated_file_is_refused_or_has_the_original_tensors() -> None:
    tally = fuzz(1500, seed=1)

    assert tally.wrong == []
    assert set(tally.kinds) == set(KINDS)
    assert 0 < tally.same < tally.files


@pytest.mark.slow
@posix
def test_a_whole_file_that_says_anything_is_refused_or_read_as_it_is() -> None:
    tally = contents.fuzz(400, seed=3)

    assert tally.wrong == []
    assert 0 < tally.same < tally.files


@pytest.mark.slow
def test_our_reader_and_the_crates_differ_where_that_is_explained() -> None:
    said, wrong = differential.compare(4_000, seed=5)

    assert wrong == []
    explained = set(differential.STRICTER.values())
    assert {words.partition(": ")[2] for words in said if words.startswith("we ")} == explained
    assert said["both read the same"] > 500 and said["both refuse"] > 500


# Keras' own way to NumPy, of which NumPy 2 complains.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
@posix
@pytest.mark.slow
def test_a_mutated_checkpoint_is_refused_or_imported_whole() -> None:
    said, wrong = importers.fuzz(160, seed=1)

    assert wrong == []
    assert sum(count for words, count in said.items() if words.endswith(": imported")) > 20


@pytest.mark.slow
@posix
def test_a_spoilt_state_dict_is_refused_or_imported_whole() -> None:
    said, wrong = state_dicts.fuzz(300, seed=2)

    assert wrong == []
    assert sum(count for words, count in said.items() if words.endswith(": imported")) > 3


@posix
@pytest.mark.slow
def test_a_spoilt_container_is_refused_or_imported_whole() -> None:
    said, wrong = containers.fuzz(200, seed=3)

    assert wrong == []
    assert sum(count for words, count in said.items() if words.endswith(": imported")) > 10


@posix
@pytest.mark.matrix
def test_killed_writers_full_disks_and_two_writers_leave_whole_files() -> None:
    # In a process of its own: this one may have threads, which a fork does not take along.
    command = [sys.executable, "-m", "tests.trust.torture.saving"]
    command += ["--kills", "60", "--full-disks", "15", "--seconds", "0.5"]
    command += ["--pairs", "30", "--exports", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("60 kills, ")
    assert "15 full disks: a GhostError each" in done.stdout
    assert "reads between two writers: each a whole file" in done.stdout
    assert "30 pairs of exclusive writers: one file and one refusal each" in done.stdout
    assert "writers in two PID namespaces: " in done.stdout
    assert "1 kills of exports to Orbax: each folder whole" in done.stdout
    assert "1 full disks under exports to Orbax: a GhostError each" in done.stdout


@posix
def test_what_a_dead_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / NAME
    dead, living = (tmp_path / f"{prefix(path)}{digit * 16}.tmp" for digit in "01")
    dead.write_bytes(b"half")
    # A lock is seen from another PID namespace, where the number of the process means nothing.
    with living.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        save(path, 1)

        assert (dead.exists(), living.exists()) == (False, True)


@posix
def test_a_writer_whose_file_is_taken_for_a_stray_writes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock, taken = tmp_path / NAME, writing.lock, []

    def late(descriptor: int) -> None:
        if not taken:
            taken.extend(tmp_path.glob(f"{prefix(path)}*"))
            taken[0].unlink()
        lock(descriptor)

    monkeypatch.setattr(writing, "lock", late)
    save(path, 1)

    assert len(taken) == 1
    assert [each.name for each in tmp_path.iterdir()] == [NAME]
