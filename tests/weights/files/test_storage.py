"""Writing: the old file or the new one, whole, and nothing beside it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from weights import FormatError, GhostError
from weights.files.storage import read_bytes, read_header, read_safetensors, write_safetensors
from weights.files.writing import check_writable, write_atomically

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
        write_atomically(path, b"new", overwrite=True)

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
        write_atomically(path, b"new", overwrite=True)

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
    write_atomically(path, b"new", overwrite=True)

    assert seen == [(tmp_path, b"new", b"old")]
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o000, 0o666)])
def test_the_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"new", overwrite=True)
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

    write_atomically(link, b"new", overwrite=True)

    assert target.read_bytes() == b"precious"
    assert (link.is_symlink(), link.read_bytes()) == (False, b"new")


def test_a_file_that_appears_while_another_is_written_is_kept(
    tmp_path: Path, file_names: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fsync = tmp_path / "file", os.fsync

    def meddle(descriptor: int) -> None:
        path.write_bytes(b"another writer's")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", meddle)

    with pytest.raises(GhostError) as caught:
        write_atomically(path, b"new", overwrite=False)

    assert str(caught.value) == f"{path} exists: pass overwrite=True to replace it"
    assert path.read_bytes() == b"another writer's"
    assert file_names() == ["file"]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_file_system_without_links_has_exclusive_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    path = tmp_path / "file"
    monkeypatch.setattr(os, "link", refuse)
    if is_there:
        path.write_bytes(b"old")
        with pytest.raises(GhostError, match="exists: pass overwrite=True"):
            write_atomically(path, b"new", overwrite=False)
    else:
        write_atomically(path, b"new", overwrite=False)

    assert path.read_bytes() == (b"old" if is_there else b"new")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)

    write_atomically(path, b"new", overwrite=True)

    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder is not synchronised")
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.EINVAL, ""),
        (errno.EIO, "was written, but its folder could not be synchronised (Input/output error)"),
    ],
)
def test_a_folder_that_cannot_be_synchronised_is_told_apart_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, text: str
) -> None:
    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", sync)
    said = ""
    try:
        write_atomically(tmp_path / "file", b"new", overwrite=False)
    except GhostError as error:
        said = str(error)

    assert text in said and bool(text) == bool(said)
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["n" * 217, "n" * 255, "é" * 127])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_long_name_is_written(tmp_path: Path, name: str, overwrite: bool) -> None:
    write_atomically(tmp_path / name, b"new", overwrite=overwrite)

    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("name", "reason"), [("n" * 256, "File name too long"), ("a\0b", "null")])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    for refuse in (
        lambda path: check_writable(path, overwrite=True),
        lambda path: write_atomically(path, b"new", overwrite=True),
        read_bytes,
        read_safetensors,
    ):
        with pytest.raises(GhostError, match=reason):
            refuse(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    for read in (read_bytes, read_header, read_safetensors):
        with pytest.raises(FormatError) as caught:
            read(path)
        assert str(caught.value) == f"cannot read {path}: it must be a file, not a pipe or a device"
