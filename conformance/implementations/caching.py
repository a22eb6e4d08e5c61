"""The user's cache folder: what JAX has compiled, and what the suite itself keeps for its next run.

JAX finds an entry by the compiled program itself, its options, the versions of JAX and the kind of
processor, so that changed code is compiled anew; `ghost_jax` finds its own by its source and plan.
What is read from there is run: only a folder that nobody else can write into is used.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

# Bytes from which it is emptied: a default run of the suite leaves a few per cent of that.
LIMIT = 1 << 30
# The folder of right answers, which no implementation may read.
REFERENCES = "references"


def cache_environment(origin: object = None) -> dict[str, str]:
    """The variables by which JAX uses the cache; none where no folder can be had.

    With `origin`, the code that is run, and where, they are those of `ghost_jax`, which finds by
    it what an earlier run has compiled, and leaves JAX's own cache alone.
    """
    folder = own_folder("jax")
    if folder is None:
        return {}
    if origin is not None:
        return {"GHOSTCONV_PROGRAMS": str(folder / sha256(repr(origin).encode()).hexdigest())}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def own_folder(name: str) -> Path | None:
    """A folder of that name in the cache, this user's alone; None where it cannot be had."""
    try:
        folder = cache_folder() / name
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        if not _is_own(folder):
            return None
        _bound(folder.iterdir())
    except (OSError, RuntimeError):  # a home that is read-only, or none
        return None
    return folder


def cache_folder() -> Path:
    """The folder of this project among the user's caches; raises `RuntimeError` without a home."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():  # the rule of XDG: any other is ignored
        return chosen / "ghostconv"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "ghostconv"


def _is_own(folder: Path) -> bool:
    """Whether it is a folder of this user, no link, who can write into it and nobody else can."""
    found = folder.lstat()
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return is_own and not others and os.access(folder, os.W_OK)


def _bound(files: Iterable[Path]) -> None:
    """Remove the files where they have become too many."""
    sizes = {path: path.stat().st_size for path in files}
    if sum(sizes.values()) > LIMIT:
        for path in sizes:
            path.unlink(missing_ok=True)
