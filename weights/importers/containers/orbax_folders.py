"""The arrays of a state in a folder that Orbax wrote."""

import re
from pathlib import Path

from weights.errors import FormatError, ImportRefused
from weights.files.storage import PathLike
from weights.importers.containers.flax_state import COLLECTIONS, STREAMS
from weights.text import listed

# A folder with one of these is a tree of arrays; the second is that of older versions.
TREES = ("_METADATA", "checkpoint")
# The names of items that hold a whole state; `default` is a manager's own for a single one.
WHOLE = ("default", "state", "model")
# A step of a manager, with or without a prefix; what is being written has another ending.
STEP = re.compile(r"(?:.*_)?(\d{1,18})")


def find_arrays(path: PathLike) -> list[Path]:
    """Find the tree of arrays to read; several where parameters and statistics are apart.

    A folder is such a tree, a checkpoint of items, or a manager's folder of steps, of which the
    newest is read. Raises `FormatError` where it is neither, `ImportRefused` where several items
    could be meant.
    """
    folder = Path(path).absolute()
    if not folder.is_dir():
        raise FormatError(f"cannot read {path}: an Orbax checkpoint is a folder")
    try:
        return _trees(folder) or _newest(path, folder)
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None


def _trees(folder: Path) -> list[Path]:
    """Find the tree of arrays among the items of a checkpoint; none where it has no such item."""
    if _is_tree(folder):
        return [folder]
    items = {each.name: each for each in _folders(folder) if _is_tree(each)}
    if COLLECTIONS[0] in items and set(items) <= {*COLLECTIONS, STREAMS}:
        return [items[name] for name in COLLECTIONS if name in items]
    whole = [name for name in WHOLE if name in items]
    if len(whole) == 1 or len(items) == 1:
        return [items[whole[0]] if whole else next(iter(items.values()))]
    if not items:
        return []
    names = listed(map(ascii, sorted(items)))
    raise ImportRefused(
        f"{folder} holds several trees of arrays: {names}; give the folder of the one that is "
        f"meant, such as {folder / min(items)}"
    )


def _newest(path: PathLike, folder: Path) -> list[Path]:
    """Find the tree of arrays of the newest step in a manager's folder."""
    steps = {
        int(found[1]): each
        for each in _folders(folder)
        if (found := STEP.fullmatch(each.name)) and any(map(_is_tree, (each, *_folders(each))))
    }
    if steps:
        return _trees(steps[max(steps)])
    here = listed(ascii(each.name) for each in sorted(folder.iterdir()))
    raise FormatError(
        f"{path} is no Orbax checkpoint, no item of one and no folder of steps: it holds "
        f"{here or 'nothing'}"
    )


def _is_tree(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TREES)


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir())
