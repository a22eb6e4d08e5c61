"""Folders, and files that libraries write: put in place in one step, and checked for reading."""

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weights.errors import FormatError, GhostError
from weights.files.strays import lock, prefix, remove_strays
from weights.files.writing import PathLike, exists, place, refused, sync_folder

# Of Linux' renameat2: names relative to the working folder, and both at once.
HERE, EXCHANGE = -100, 2
# How often, and how many seconds apart, a folder is removed that somebody still writes into.
REMOVALS, PAUSE = 20, 0.04


@contextmanager
def new_place(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield where to write a file or folder, which takes the place of `path` in one step after.

    Nothing is there yet; it has the name of `path`, in a folder of its own.

    Raises `GhostError` where it cannot be written; whatever was at `path` is then still there.
    """
    try:
        remove_strays(path)
        with _temporary(path) as temporary:
            new = temporary / path.name
            yield new
            _sync(new)
            (_place if new.is_dir() else place)(new, path, overwrite)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise exists(path) from None
        raise refused(path, error) from error
    sync_folder(path)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f"{prefix(path)}{secrets.token_hex(8)}.tmp")
    temporary.mkdir()
    descriptor = os.open(temporary, os.O_RDONLY) if os.name == "posix" else None
    try:
        if descriptor is not None:
            lock(descriptor)
        yield temporary
    finally:
        _remove(temporary)
        if descriptor is not None:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a folder; threads of a library that has just failed may still write into it."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(PAUSE)


def _place(new: Path, path: Path, overwrite: bool) -> None:
    """Give the folder its name, in exchange with a folder that has it."""
    if not overwrite or not os.path.lexists(path):
        new.rename(path)  # which fails where anything but an empty folder is there
        return
    with contextlib.suppress(OSError):
        new.chmod(path.stat().st_mode & 0o777)
    if not _exchange(new, path):
        # Elsewhere than on Linux there is a moment without either; both are whole.
        old = new.with_name(f"{new.name}.old")
        path.rename(old)
        try:
            new.rename(path)
        except OSError:
            old.rename(path)
            raise


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step, where the system can."""
    if sys.platform != "linux":
        return False
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    return bool(call(HERE, os.fsencode(a), HERE, os.fsencode(b), EXCHANGE) == 0)


def _sync(folder: Path) -> None:
    """Make a file, or every file below a folder, durable."""
    if folder.is_file():
        _sync_file(folder)
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync_file(Path(parent, name))
        sync_folder(Path(parent, "any"))


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_folder(path: PathLike) -> None:
    """Raise `FormatError` where a folder cannot be read or holds a link or a pipe.

    A folder from a stranger leads nowhere else.
    """
    try:
        for parent, folders, names in os.walk(path, onerror=_raise):
            for name in (*folders, *names):
                place = Path(parent, name)
                if place.is_symlink() or not (place.is_dir() or place.is_file()):
                    raise FormatError(f"cannot read {path}: {name!r} is a link, a pipe or a device")
    except GhostError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"cannot read {path}: {reason}") from None


def _raise(error: OSError) -> None:
    raise error
