"""Files written atomically: a reader finds the old file or the new one, whole."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from weights.errors import ArgumentError, GhostError
from weights.files.strays import has_locks, lock, prefix, remove_strays
from weights.text import brief

PathLike = str | os.PathLike[str]

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
# Errors of file systems that cannot synchronise a folder.
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EROFS}


def check_path(path: object) -> None:
    """Raise `ArgumentError` for what is no path."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(f"`path` must be a string or a path, got {brief(path)}")


def check_writable(path: PathLike, *, overwrite: bool) -> None:
    """Raise `GhostError` where no file may, or can, be written at `path`."""
    check_path(path)
    try:
        is_folder = Path(path).is_dir()
    except OSError as error:
        raise refused(Path(path), error) from None
    if is_folder:
        raise GhostError(f"cannot write {path}: it is a folder")
    check_place(Path(path), overwrite=overwrite)


def check_place(path: Path, *, overwrite: bool) -> None:
    """Raise `GhostError` where `path` is taken, or cannot be."""
    try:
        taken, has_folder = _is_there(path), path.parent.is_dir()
    except (OSError, ValueError) as error:
        raise refused(path, error) from None
    if taken and not overwrite:
        raise exists(path)
    if not has_folder:
        raise GhostError(f"cannot write {path}: the folder {path.parent} does not exist")


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Put `data` at `path` in one step.

    Without `overwrite` a file that is there stays, also one that another writer has just put there.
    With it the new file has the mode of the old one; a symbolic link is replaced, not followed.
    """
    remove_strays(path)
    try:
        with _temporary(path) as (stream, temporary):
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            if overwrite:
                _keep_mode(stream, path)
            if not has_locks():
                stream.close()
            place(temporary, path, overwrite)
    except FileExistsError:
        raise exists(path) from None
    except (OSError, ValueError) as error:
        raise refused(path, error) from error
    sync_folder(path)


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a new file beside `path`, locked for as long as it is written."""
    while True:
        temporary = path.with_name(f"{prefix(path)}{secrets.token_hex(8)}.tmp")
        # os.open, not tempfile: the mode then follows the umask.
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                lock(descriptor)
                # Another writer may have taken it for a stray before the lock was there.
                if os.fstat(descriptor).st_nlink:
                    yield stream, temporary
                    return
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def place(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give the temporary file its name; raises `FileExistsError` where that is taken."""
    if overwrite:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # A file system without links: creating the name reserves it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        temporary.replace(path)


def _keep_mode(stream: BinaryIO, path: Path) -> None:
    with contextlib.suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and hasattr(os, "fchmod"):
            os.fchmod(stream.fileno(), status.st_mode & 0o777)


def sync_folder(path: Path) -> None:
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
    """Return whether the name is taken, also by a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def exists(path: Path) -> GhostError:
    """Make the error of a name that is taken."""
    return GhostError(f"{path} exists: pass overwrite=True to replace it")


def refused(path: Path, error: Exception) -> GhostError:
    """Make the error of a path that the system refuses."""
    return GhostError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
