"""Limits for archives that would take many times their size when they are read."""

import zipfile
from collections import Counter

from weights.errors import ImportRefused
from weights.files.storage import PathLike

# Trained weights shrink by a tenth; zeros of a few layers may shrink to nothing.
FACTOR, CONSTANT = 2, 64 << 20
# A network, its averages and its optimizer's state have fewer.
MOST_MEMBERS = 10_000


def memory_limit(size: int) -> int:
    """Return how many bytes a file of that size may take in memory."""
    return FACTOR * size + CONSTANT


def check_expansion(path: PathLike, expanded: int, size: int) -> None:
    """Raise `ImportRefused` where a file of `size` bytes says that it holds many times as many."""
    limit = memory_limit(size)
    if expanded > limit:
        raise ImportRefused(
            f"{path} would take {expanded} bytes of memory, more than {limit}: an archive of "
            "weights does not grow so much; if it is yours, save it without compression"
        )


def check_members(path: PathLike, archive: zipfile.ZipFile, size: int) -> None:
    """Raise `ImportRefused` for an archive that has a name twice, or grows beyond measure."""
    names = archive.namelist()
    if len(names) > MOST_MEMBERS:
        raise ImportRefused(f"{path} has {len(names)} members, more than {MOST_MEMBERS}")
    check_expansion(path, sum(each.file_size for each in archive.infolist()), size)
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise ImportRefused(f"{path} has {name!r} {count} times: nobody can tell which is meant")
