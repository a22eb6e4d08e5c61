"""Orbax checkpoints: a folder with the pure dict of a module's state, and its description."""

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import FormatError, GhostError, ImportRefused
from weights.files.file import WeightFile
from weights.files.folders import check_folder, new_place
from weights.files.storage import PathLike
from weights.files.writing import check_place
from weights.frameworks import needed
from weights.importers.checkpoints import Checkpoint, Description
from weights.importers.containers.container import Container
from weights.importers.containers.flax_state import from_state, places, pure_dict
from weights.importers.containers.orbax_folders import find_arrays
from weights.importers.expansion import check_expansion
from weights.layout import from_channels_last
from weights.text import brief

# The items of the checkpoint: the arrays, and the description as JSON.
STATE, DESCRIPTION = "state", "ghost_weights"
# What Orbax itself puts beside them.
MARK, DONE = "_CHECKPOINT_METADATA", "commit_success.txt"


def read(path: PathLike) -> Checkpoint:
    """Read the leaves of a checkpoint, of an item of it, or of a manager's newest step."""
    orbax = _orbax(f"reading {path}")
    folder = Path(path).absolute()
    if folder.is_dir():
        check_folder(path)
    arrays = find_arrays(path)
    described = arrays[0].parent / DESCRIPTION
    is_described = arrays[0] != folder and described.is_dir()
    try:
        trees = [_restore(orbax, each) for each in arrays]
        text = _json(orbax, described) if is_described else None
    except ImportRefused:
        raise
    except Exception as error:  # Orbax lets through whatever its storage raises
        raise FormatError(f"{path} is not a whole Orbax checkpoint: {brief(str(error))}") from None
    names = [each.name for each in arrays]
    tree = trees[0] if len(trees) == 1 else dict(zip(names, trees, strict=True))
    entry = " and ".join(os.path.relpath(each, folder) for each in arrays)
    return from_state(path, tree, text, "" if entry in (".", STATE) else entry)


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the folder; `StandardCheckpointer().restore(path / "state")` reads the arrays."""
    orbax = _orbax("this export")
    folder = Path(path).absolute()
    check_place(folder, overwrite=overwrite)
    _check_replaceable(folder)
    items = {
        STATE: orbax.args.StandardSave(pure_dict(file)),
        DESCRIPTION: orbax.args.JsonSave({"description": Description.of(file).to_json()}),
    }
    with new_place(folder, overwrite=overwrite) as new:
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


def _restore(orbax: Any, folder: Path) -> Any:
    import jax

    with orbax.PyTreeCheckpointer() as checkpointer:
        metadata = checkpointer.metadata(folder).item_metadata.tree
        arrays = [each for each in jax.tree.leaves(metadata) if hasattr(each, "shape")]
        claimed = sum(prod(each.shape or ()) * np.dtype(each.dtype).itemsize for each in arrays)
        size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        check_expansion(folder, claimed, size)
        # Devices and shardings of where it was saved are of no use here.
        as_numpy = orbax.RestoreArgs(restore_type=np.ndarray)
        wanted = jax.tree.map(lambda _: as_numpy, metadata, is_leaf=lambda each: each is None)
        return checkpointer.restore(folder, restore_args=wanted)


def _json(orbax: Any, folder: Path) -> str | None:
    with orbax.Checkpointer(orbax.JsonCheckpointHandler()) as checkpointer:
        return checkpointer.restore(folder).get("description")


def _orbax(what: str) -> Any:
    with needed(what, "jax"):
        import orbax.checkpoint as orbax
    return orbax


ORBAX = Container("orbax", "orbax", read, places, from_channels_last, write)
