"""Writing: the old file or the new one, whole, and nothing beside it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from weights import GhostError
from weights.storage import read_safetensors, write_atomically, write_safetensors

FAILING_CALLS = ["fsync", "replace"]


def fail(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", FAILING_CALLS)
def test_a_failing_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
    file_names: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)

    with pytest.raises(GhostError) as caught:
        write_atomically(path, b"new")

    assert str(caught.value) == f"cannot write {path}: No space left on device"
    assert path.read_bytes() == b"old"
    assert file_names() == ["file"]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, file_names: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert file_names() == ["file"]


def test_the_new_file_is_complete_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen, replace = tmp_path / "file", [], os.replace
    path.write_bytes(b"old")

    def spy(source: Path, target: Path) -> None:
        seen.append((source.parent, source.read_bytes(), target.read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    write_atomically(path, b"new")

    assert seen == [(tmp_path, b"new", b"old")]
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o000, 0o666)])
def test_the_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"new")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    path, tensors = tmp_path / "file", {"a": np.ones(2, np.float32)}
    path.write_bytes(b"old")

    with pytest.raises(GhostError) as caught:
        write_safetensors(path, tensors, {})

    assert str(caught.value) == f"{path} exists: pass overwrite=True to replace it"
    assert path.read_bytes() == b"old"


def test_an_existing_file_is_replaced_on_demand(tmp_path: Path) -> None:
    path, tensors = tmp_path / "file", {"a": np.arange(2, dtype=np.float32)}
    path.write_bytes(b"old")

    write_safetensors(path, tensors, {"key": "value"}, overwrite=True)
    read, metadata = read_safetensors(path)

    np.testing.assert_array_equal(read["a"], tensors["a"])
    assert metadata == {"key": "value"}


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(GhostError) as caught:
        write_safetensors(tmp_path, {}, {}, overwrite=True)

    assert str(caught.value) == f"cannot write {tmp_path}: it is a folder"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "file"

    with pytest.raises(GhostError) as caught:
        write_safetensors(path, {}, {})

    assert str(caught.value) == f"cannot write {path}: the folder {path.parent} does not exist"


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.int16])
def test_types_that_only_foreign_files_hold_are_read(tmp_path: Path, dtype: type) -> None:
    path, array = tmp_path / "file", np.array([0, 1, 1]).astype(dtype)
    write_safetensors(path, {"a": array}, {})

    read, _ = read_safetensors(path)

    assert read["a"].dtype == dtype
    np.testing.assert_array_equal(read["a"], array)


def test_what_is_read_can_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_safetensors(path, {"a": np.zeros(2, np.float32)}, {})

    read, _ = read_safetensors(path)
    read["a"][0] = 1

    assert read["a"][0] == 1


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX")
def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"precious")
    link.symlink_to(target)

    write_atomically(link, b"new")

    assert target.read_bytes() == b"precious"
    assert (link.is_symlink(), link.read_bytes()) == (False, b"new")
