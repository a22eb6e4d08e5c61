"""Orbax checkpoints: a folder with the pure dict of a module's state, and its description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import FormatError, GhostError
from weights.file import WeightFile
from weights.folders import check_folder, new_folder
from weights.importers.containers.container import Container, Contents, needed
from weights.importers.containers.description import describe, parse
from weights.importers.containers.flax_state import flatten, places, pure_dict
from weights.layout import from_channels_last
from weights.storage import PathLike
from weights.writing import check_place

# The items of the checkpoint: the arrays, and the description as JSON.
STATE, DESCRIPTION = "state", "ghost_weights"
# What Orbax itself puts beside them.
MARK, DONE = "_CHECKPOINT_METADATA", "commit_success.txt"


def read(path: PathLike) -> Contents:
    """The leaves of a checkpoint: a `state` item, or a folder that is a tree of arrays itself."""
    orbax = _orbax(f"reading {path}")
    folder = Path(path).absolute()
    if not folder.is_dir():
        raise FormatError(f"cannot read {path}: an Orbax checkpoint is a folder")
    check_folder(path)
    items = {item.name for item in folder.iterdir()}
    arrays = folder / STATE if STATE in items else folder
    described = folder / DESCRIPTION if DESCRIPTION in items else None
    try:
        tree = _restore(orbax, arrays)
        text = None if described is None else _json(orbax, described)
    except Exception as error:  # Orbax lets through whatever its storage raises
        raise FormatError(f"{path} is not a whole Orbax checkpoint: {error}") from None
    return Contents(flatten(tree), parse(path, text))


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the folder; `StandardCheckpointer().restore(path / "state")` reads the arrays."""
    orbax = _orbax("this export")
    folder = Path(path).absolute()
    check_place(folder, overwrite=overwrite)
    _check_replaceable(folder)
    items = {
        STATE: orbax.args.StandardSave(pure_dict(file)),
        DESCRIPTION: orbax.args.JsonSave({"description": describe(file).to_json()}),
    }
    with new_folder(folder, overwrite=overwrite) as new:
        try:
            with orbax.Checkpointer(orbax.CompositeCheckpointHandler()) as checkpointer:
                checkpointer.save(new, orbax.args.Composite(**items))
        except Exception as error:  # Orbax lets through whatever its storage raises
            reason = str(error).partition("\n")[0]
            raise GhostError(f"cannot write {path}: {reason}") from error


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace anything but a checkpoint, whose files are all that would be lost."""
    if folder.is_file():
        raise GhostError(f"cannot write {folder}: it is a file, an Orbax checkpoint is a folder")
    names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    is_checkpoint = (folder / MARK).is_file() and (folder / STATE / "_METADATA").is_file()
    if names and not (is_checkpoint and names <= {STATE, DESCRIPTION, MARK, DONE}):
        raise GhostError(f"cannot replace {folder}: it is no checkpoint that this package wrote")


def _restore(orbax: Any, folder: Path) -> dict[str, Any]:
    with orbax.PyTreeCheckpointer() as checkpointer:
        metadata = checkpointer.metadata(folder).item_metadata.tree
        as_numpy = _as_numpy(orbax, metadata)
        found: dict[str, Any] = checkpointer.restore(folder, restore_args=as_numpy)
    return found


def _as_numpy(orbax: Any, metadata: Any) -> Any:
    if isinstance(metadata, dict):
        return {name: _as_numpy(orbax, value) for name, value in metadata.items()}
    # Devices and shardings of where it was saved are of no use here.
    return orbax.RestoreArgs(restore_type=np.ndarray)


def _json(orbax: Any, folder: Path) -> str | None:
    with orbax.Checkpointer(orbax.JsonCheckpointHandler()) as checkpointer:
        text: str | None = checkpointer.restore(folder).get("description")
    return text


def _orbax(what: str) -> Any:
    with needed(what, "jax"):
        import orbax.checkpoint as orbax
    return orbax


ORBAX = Container("orbax", "orbax", read, places, from_channels_last, write)
