"""Flax's msgpack files: the pure dict of a module's state, and the description beside it."""

from pathlib import Path

from weights.errors import FormatError
from weights.files import file_types
from weights.files.file import WeightFile
from weights.files.storage import PathLike, read_bytes
from weights.files.writing import check_writable, write_atomically
from weights.importers.checkpoints import Checkpoint
from weights.importers.containers.container import Container, needed
from weights.importers.containers.flax_state import from_state, places, pure_dict
from weights.importers.description import ENTRY, Description
from weights.layout import from_channels_last
from weights.text import brief


def read(path: PathLike) -> Checkpoint:
    """Read the leaves of a file that `flax.serialization` wrote."""
    with needed(f"reading {path}", "jax"):
        from flax.serialization import msgpack_restore
    data = read_bytes(path)
    try:
        tree = msgpack_restore(data)
    except Exception as error:  # msgpack has an exception of its own for every kind of damage
        raise FormatError(
            f"{path} is not a whole msgpack file of Flax: {brief(str(error))}"
        ) from None
    if not isinstance(tree, dict):
        raise FormatError(f"{path} must hold a dict of arrays, got {type(tree).__name__}")
    text = tree.pop(ENTRY, None)
    if text is not None and not isinstance(text, str):
        raise FormatError(f"{path}: the {ENTRY} entry must be a text, got {type(text).__name__}")
    return from_state(path, tree, text)


def write(file: WeightFile, path: PathLike, overwrite: bool) -> None:
    """Write the file; `flax.serialization.msgpack_restore` reads it."""
    with needed("this export", "jax"):
        from flax.serialization import msgpack_serialize
    check_writable(path, overwrite=overwrite)
    tree = pure_dict(file) | {ENTRY: Description.of(file).to_json()}
    write_atomically(Path(path), msgpack_serialize(tree), overwrite=overwrite)


FLAX_MSGPACK = Container(
    "flax-msgpack", "flax-msgpack", read, places, from_channels_last, write, (file_types.MSGPACK,)
)
