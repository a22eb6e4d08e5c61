"""Temporary files and folders that writers left behind: whether one is alive, a lock tells."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
from pathlib import Path

# Bytes of the name that its temporary file shows: names may have 255.
SHOWN_NAME = 180


def remove_strays(path: Path) -> None:
    """Remove what writers of this machine left behind that died while they wrote `path`."""
    if not has_locks():
        return
    pattern = re.compile(re.escape(prefix(path)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError, ValueError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name) and not entry.is_symlink():
                _remove_stray(Path(entry.path))


def _remove_stray(stray: Path) -> None:
    """Remove what nobody holds a lock on: a process keeps one for as long as it lives."""
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
        return  # it is written just now
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> None:
    """Mark what is written, for as long as this process lives or has it open."""
    if has_locks():
        import fcntl

        with contextlib.suppress(OSError):  # a file system without: nobody removes strays there
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def has_locks() -> bool:
    """Whether a file tells that its writer is alive; elsewhere strays stay."""
    return os.name == "posix"


def prefix(path: Path) -> str:
    """How the temporary files of `path` begin: with its name, cut where it is long, and machine.

    A lock of another machine that shares the folder might not be seen here.
    """
    name = os.fsdecode(os.fsencode(path.name)[:SHOWN_NAME])
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{name}.{machine}."
