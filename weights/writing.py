"""Files written atomically: whoever looks finds the old file or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from weights.errors import GhostError

# Bytes of the name that its temporary file shows: names may have 255.
SHOWN_NAME = 180
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
# What a file system answers that has no way to synchronise a folder.
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EROFS}


def check_writable(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise `GhostError` where `path` must not, or cannot, be written."""
    path = Path(path)
    try:
        is_there = _is_there(path)
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except (OSError, ValueError) as error:
        raise _refused(path, error) from None
    if is_folder:
        raise GhostError(f"cannot write {path}: it is a folder")
    if is_there and not overwrite:
        raise _exists(path)
    if not has_folder:
        raise GhostError(f"cannot write {path}: the folder {path.parent} does not exist")


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Put `data` at `path` in one step.

    Without `overwrite` a file that is there stays, also one that another writer has just put there.
    With it the new file has the mode of the old one; a symbolic link is replaced, not followed.
    """
    _remove_strays(path)
    try:
        with _temporary(path) as (stream, temporary):
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            if overwrite:
                _keep_mode(stream, path)
            if not _has_locks():
                stream.close()
            _place(temporary, path, overwrite)
    except FileExistsError:
        raise _exists(path) from None
    except (OSError, ValueError) as error:
        raise _refused(path, error) from error
    _sync_folder(path)


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file beside `path`, locked for as long as it is written."""
    while True:
        temporary = path.with_name(f"{_prefix(path)}{secrets.token_hex(8)}.tmp")
        # os.open, not tempfile: the mode then follows the umask.
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                _lock(descriptor)
                # Another writer may have taken it for a stray before the lock was there.
                if os.fstat(descriptor).st_nlink:
                    yield stream, temporary
                    return
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _place(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give the temporary file its name; raises `FileExistsError` where that is taken."""
    if overwrite:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # A file system without links: who creates the name owns it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        temporary.replace(path)


def _remove_strays(path: Path) -> None:
    """Remove what writers of this machine left behind that died while they wrote `path`."""
    if not _has_locks():
        return
    pattern = re.compile(re.escape(_prefix(path)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError, ValueError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_stray(Path(entry.path))


def _remove_stray(stray: Path) -> None:
    """Remove a temporary file that nobody holds a lock on: a process keeps one while it lives."""
    import fcntl

    with contextlib.suppress(OSError), stray.open("r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stray.unlink(missing_ok=True)


def _lock(descriptor: int) -> None:
    if _has_locks():
        import fcntl

        with contextlib.suppress(OSError):  # a file system without: nobody removes strays there
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _has_locks() -> bool:
    """Whether a file tells that its writer is alive; elsewhere strays stay."""
    return os.name == "posix"


def _prefix(path: Path) -> str:
    """How the temporary files of `path` begin: with its name, cut where it is long, and machine.

    A lock of another machine that shares the folder might not be seen here.
    """
    shown = os.fsdecode(os.fsencode(path.name)[:SHOWN_NAME])
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{shown}.{machine}."


def _keep_mode(stream: BinaryIO, path: Path) -> None:
    with contextlib.suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and hasattr(os, "fchmod"):
            os.fchmod(stream.fileno(), status.st_mode & 0o777)


def _sync_folder(path: Path) -> None:
    """Make the name itself durable, where the system can."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(path.parent, os.O_RDONLY)
    except OSError:  # a folder may be writable and not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise GhostError(
                f"{path} was written, but its folder could not be synchronised "
                f"({error.strerror}): after a power failure it may be missing"
            ) from error
    finally:
        os.close(descriptor)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _exists(path: Path) -> GhostError:
    return GhostError(f"{path} exists: pass overwrite=True to replace it")


def _refused(path: Path, error: Exception) -> GhostError:
    return GhostError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
