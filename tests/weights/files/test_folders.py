"""Folders are written whole, and a write that fails leaves nothing behind."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from weights import GhostError
from weights.files.folders import new_place


def write_for_a_while(folder: Path, seconds: float) -> None:
    """Go on making folders in a folder, whoever removes them, until it is gone itself."""
    end = time.monotonic() + seconds
    with suppress(FileNotFoundError):
        for number in range(10**9):
            if time.monotonic() > end:
                return
            Path(folder / str(number)).mkdir()


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with new_place(tmp_path / "made", overwrite=False) as new:
        new.mkdir()
        (new / "file").write_text("whole")

    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made" / "file").read_text() == "whole"


def test_a_failed_write_leaves_nothing_though_a_thread_still_writes(tmp_path: Path) -> None:
    with pytest.raises(GhostError), new_place(tmp_path / "made", overwrite=False) as new:
        new.mkdir()
        thread = Thread(target=write_for_a_while, args=(new, 0.2))
        thread.start()
        time.sleep(0.02)
        raise GhostError("the disk is full")
    thread.join()

    assert list(tmp_path.iterdir()) == []
