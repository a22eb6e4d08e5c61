"""The files that hold foreign checkpoints: their state dicts as NumPy arrays."""

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files import file_types
from weights.files.metadata import ENTRY
from weights.files.storage import PathLike, opened, read_safetensors
from weights.importers.expansion import check_expansion, check_members
from weights.importers.pickling.torch_files import PICKLE, Content, load
from weights.importers.pickling.values import Left, Name, Tensor
from weights.text import MOST_CHARACTERS

# The name of an exporter's description of a state dict; not that of an interchange file's entry, as
# names and layout of the tensors are another tool's.
EXPORTED = "ghost_export"
# So deep inside a file a state dict is looked for.
DEEPEST = 2


@dataclass(frozen=True)
class StateDict:
    """Tensors by name; `left` counts the values that are none, by type."""

    tensors: dict[str, np.ndarray] = field(repr=False)
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StateDicts:
    """The state dicts in a file, one that is the file itself under ''; `beside` names the rest."""

    entries: dict[str, StateDict]
    beside: tuple[str, ...] = ()


def read_safetensors_file(path: PathLike) -> StateDicts:
    """Read a safetensors file as one state dict."""
    tensors, metadata = read_safetensors(path)
    if ENTRY in metadata:
        raise ImportRefused(f"{path} is an interchange file already: it needs no import")
    return StateDicts({"": StateDict(tensors | _described(metadata))})


def _described(metadata: Any) -> dict[str, np.ndarray]:
    """Return the description that an exporter wrote beside a state dict, as an array of text."""
    text = metadata.get(EXPORTED) if isinstance(metadata, Mapping) else None
    return {EXPORTED: np.array(text)} if isinstance(text, str) else {}


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


def read_torch(path: PathLike) -> StateDicts:
    """Read the state dicts in a file of torch.save, or in a plain pickle."""
    content = load(path)
    top = content.value if isinstance(content.value, Mapping) else {}
    entries = {name: _state_dict(path, content, found) for name, found in _entries(top)}
    if entries:
        return StateDicts(
            entries, tuple(str(name)[:MOST_CHARACTERS] for name in top if name not in entries)
        )
    whole = _state_dict(path, content, top)
    return StateDicts({"": whole} if whole.tensors else {})


def _entries(found: Mapping[Any, Any], depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield the state dicts inside a dict: those with a kernel, by the names that lead to them."""
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Mapping):
            continue
        if any(_is_kernel(x) for n, x in value.items() if isinstance(n, str)):
            yield name, value
        elif depth < DEEPEST:
            yield from ((f"{name}/{inner}", x) for inner, x in _entries(value, depth + 1))


def _is_kernel(value: Any) -> bool:
    if isinstance(value, Left):
        return isinstance(value.value, np.ndarray) and value.value.ndim > 1
    return isinstance(value, Tensor) and len(value.shape) > 1


def _state_dict(path: PathLike, content: Content, found: Mapping[Any, Any]) -> StateDict:
    # A tensor with strides of 0 takes more as an array than in the file.
    tensors = {name: content.array(x) for name, x in found.items() if isinstance(name, str)}
    arrays = {name: array for name, array in tensors.items() if array is not None}
    check_expansion(path, sum(x.nbytes for x in arrays.values()), Path(path).stat().st_size)
    left = Counter(_type_of(x) for name, x in found.items() if name not in arrays)
    attributes = getattr(found, "attributes", None)
    metadata = attributes.get("_metadata") if isinstance(attributes, Mapping) else None
    about = metadata.get("") if isinstance(metadata, Mapping) else None
    return StateDict(arrays | _described(about), left)


def _type_of(value: Any) -> str:
    return value.name if isinstance(value, Left | Name) else type(value).__name__


def read_archive(path: PathLike) -> StateDicts:
    """Read a zip archive whose first member does not tell what it is."""
    with opened(path) as stream:
        try:
            names = zipfile.ZipFile(stream).namelist()
        except Exception:  # zipfile raises many kinds for damage
            raise FormatError(f"{path} is not a whole archive") from None
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
