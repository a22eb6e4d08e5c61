"""Temporary files and folders that dead writers left behind; living writers hold a lock."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
from pathlib import Path

# Bytes of a file's name in that of its temporary file, which may have 255.
LONGEST_NAME = 180


def remove_strays(path: Path) -> None:
    """Remove the temporary files of writers of this machine that died while they wrote `path`."""
    if not has_locks():
        return
    pattern = re.compile(re.escape(prefix(path)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError, ValueError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name) and not entry.is_symlink():
                _remove_stray(Path(entry.path))


def _remove_stray(stray: Path) -> None:
    """Remove a temporary file or folder that no process holds a lock on."""
    import fcntl

    is_folder = stray.is_dir()
    descriptor = os.open(stray, (os.O_RDONLY if is_folder else os.O_RDWR) | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_folder:
            shutil.rmtree(stray)
        else:
            stray.unlink(missing_ok=True)
    except OSError:
        return  # its writer is alive
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> None:
    """Lock a temporary file or folder, for as long as this process lives or has it open."""
    if has_locks():
        import fcntl

        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def has_locks() -> bool:
    """Return whether the system has locks; elsewhere temporary files are never removed."""
    return os.name == "posix"


def prefix(path: Path) -> str:
    """Return how names of temporary files of `path` begin: its own name, shortened, and machine.

    A lock of another machine that shares the folder might not be seen here.
    """
    name = os.fsdecode(os.fsencode(path.name)[:LONGEST_NAME])
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{name}.{machine}."
