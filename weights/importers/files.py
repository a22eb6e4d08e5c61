"""The files that hold foreign checkpoints: their state dicts as NumPy arrays."""

import os
import re
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files import file_types
from weights.files.metadata import ENTRY
from weights.files.storage import PathLike, opened, read_safetensors
from weights.importers.expansion import check_members
from weights.importers.pickling.state_dicts import (
    StateDict,
    StateDicts,
    described,
    read_torch,
)
from weights.importers.pickling.torch_files import PICKLE, check_no_program

# The name of one of several files that hold the tensors together.
SHARD = re.compile(r"-\d+-of-0*(\d+)\.")


def read_safetensors_file(path: PathLike) -> StateDicts:
    """Read a safetensors file as one state dict."""
    tensors, metadata = read_safetensors(path)
    if ENTRY in metadata:
        raise ImportRefused(f"{path} is an interchange file already: it needs no import")
    return StateDicts({"": StateDict(tensors | described(metadata))})


def read_npz(path: PathLike) -> StateDicts:
    """Read a NumPy archive as one state dict."""
    return StateDicts({"": StateDict(read_arrays(path))})


def read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """Read the arrays of a NumPy archive; nothing in it is unpickled."""
    # np.load would leave a damaged file open.
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            with np.load(stream, allow_pickle=False) as archive:
                check_members(path, archive.zip, size)
                names = [name.removesuffix(".npy") for name in archive.zip.namelist()]
                if len(set(names)) < len(names):
                    raise ImportRefused(f"{path} has a name with and without .npy: rename one")
                return {name: archive[name] for name in archive.files}
        except (ImportRefused, OSError):
            raise
        except ValueError:
            raise ImportRefused(
                f"{path} holds pickled objects, and reading those could run any code: save arrays "
                "of numbers only"
            ) from None
        except Exception:  # zipfile and zlib raise many kinds for damage
            raise FormatError(f"{path} is not a whole .npz file") from None


def read_archive(path: PathLike) -> StateDicts:
    """Read a zip archive whose first member does not tell what it is."""
    with opened(path) as stream:
        try:
            names = zipfile.ZipFile(stream).namelist()
        except Exception:  # zipfile raises many kinds for damage
            raise FormatError(f"{path} is not a whole archive") from None
    check_no_program(path, names)
    if any(name.endswith(PICKLE) for name in names):
        return read_torch(path)
    if any(name.endswith(".npy") for name in names):
        return read_npz(path)
    raise FormatError(_not_read(path, file_types.ZIP))


def _not_read(path: PathLike, found: str) -> str:
    hint = f": try --from {OTHERS[found]}" if found in OTHERS else ""
    return f"{path} is no file of PyTorch, NumPy or safetensors: it is {found}{hint}"


# Readers of the types that a file's content tells.
READERS: Mapping[str, Callable[[PathLike], StateDicts]] = {
    file_types.SAFETENSORS: read_safetensors_file,
    file_types.NPZ: read_npz,
    file_types.TORCH: read_torch,
    file_types.PICKLE: read_torch,
    file_types.ZIP: read_archive,
}
# Importers of files that are no state dicts.
OTHERS = {file_types.HDF5: "keras", file_types.KERAS: "keras", file_types.MSGPACK: "flax-msgpack"}


def read_state_dicts(path: PathLike) -> StateDicts:
    """Read the state dicts in a file of PyTorch, NumPy or safetensors, whatever it is called.

    Raises `FormatError` for any other kind of file.
    """
    shard = SHARD.search(Path(path).name)
    if (shard and shard[1] != "1") or str(path).endswith(".index.json"):
        raise ImportRefused(
            f"{path} is one of several files that hold the tensors together: join them into one "
            "(load_file and save_file of safetensors do), since no file may name another"
        )
    found = file_type_of(path)
    if found not in READERS:
        raise FormatError(_not_read(path, found))
    return READERS[found](path)


def check_file_type(path: PathLike, importer: str, known: Collection[str]) -> None:
    """Raise `FormatError` for a file of another type than those that an importer reads."""
    found = file_type_of(path)
    if found not in known:
        raise FormatError(f"{path} is not what --from {importer} reads: it is {found}")


def file_type_of(path: PathLike) -> str:
    """Return the type of a file, by its first bytes."""
    with opened(path) as stream:
        return file_types.file_type(stream.read(file_types.BEGINNING))
