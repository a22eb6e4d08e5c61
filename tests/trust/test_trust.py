"""The short forms of `make fuzz` and `make torture`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.trust.fuzz import fuzz
from tests.trust.mutations import KINDS
from tests.trust.torture import NAME, full_disk_test, kill_test, save, writers_test
from weights.storage import _writer

posix = pytest.mark.skipif(os.name != "posix", reason="it forks processes")


@posix
def test_a_mutated_file_is_refused_or_has_the_original_tensors() -> None:
    tally = fuzz(1500, seed=1)

    assert tally.wrong == []
    assert set(tally.kinds) == set(KINDS)
    assert 0 < tally.same < tally.files


@posix
@pytest.mark.slow
def test_a_killed_writer_leaves_one_of_two_whole_files(tmp_path: Path) -> None:
    assert kill_test(tmp_path, 60).startswith("60 kills")


@posix
def test_a_full_disk_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    assert full_disk_test(tmp_path, 15).startswith("15 full disks")


@posix
def test_of_two_writers_one_wins_whole(tmp_path: Path) -> None:
    assert "each a whole file" in writers_test(tmp_path, 0.5)


def test_what_a_dead_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path, strays = tmp_path / NAME, []
    for process in (os.getpid(), 2**22 + 1):  # no process has that number
        stray = tmp_path / f".{NAME}.{_writer(process)}.{'0' * 16}.tmp"
        stray.write_bytes(b"half")
        strays.append(stray)

    save(path, 1)

    assert [stray.exists() for stray in strays] == [True, False]
