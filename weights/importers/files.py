"""The files that hold foreign checkpoints: their state dicts as NumPy arrays."""

import io
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights.errors import FormatError, GhostError, ImportRefused
from weights.files import file_types
from weights.files.metadata import ENTRY
from weights.files.storage import PathLike, opened, read_safetensors
from weights.importers.expansion import check_expansion, check_members
from weights.importers.torch_files import load

StateDicts = dict[str, dict[str, np.ndarray]]
TORCH_SUFFIXES = (".pt", ".pth", ".pth.tar", ".bin", ".ckpt")
# The name of an exporter's description of a state dict; not that of an interchange file's entry, as
# names and layout of the tensors are another tool's.
EXPORTED = "ghost_export"


def suffix_of(path: PathLike) -> str:
    """Return the suffix of a file, in lower case.

    >>> suffix_of("model.pth.tar"), suffix_of("model_best.SAFETENSORS")
    ('.pth.tar', '.safetensors')
    """
    name = Path(path).name.lower()
    return ".pth.tar" if name.endswith(".pth.tar") else Path(name).suffix


def read_safetensors_file(path: PathLike) -> StateDicts:
    """Read a safetensors file as one state dict."""
    tensors, metadata = read_safetensors(path)
    if ENTRY in metadata:
        raise ImportRefused(f"{path} is an interchange file already: it needs no import")
    return {"": tensors | _described(metadata)}


def _described(metadata: Any) -> dict[str, np.ndarray]:
    """Return the description that an exporter wrote beside a state dict, as an array of text."""
    text = metadata.get(EXPORTED) if isinstance(metadata, Mapping) else None
    return {EXPORTED: np.array(text)} if isinstance(text, str) else {}


def read_npz(path: PathLike) -> StateDicts:
    """Read a NumPy archive as one state dict."""
    return {"": read_arrays(path)}


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
    """Read every state dict in a file of torch.save, or the file itself under ''."""
    try:
        import torch
    except ImportError:
        raise ImportRefused(
            f"reading {path} needs PyTorch: install it, or save the state dict as .safetensors"
        ) from None
    content = load(torch, path)
    if _is_state_dict(torch, content):
        return {"": _to_arrays(torch, path, content)}
    entries = content if isinstance(content, Mapping) else {}
    names = [name for name, value in entries.items() if _is_state_dict(torch, value)]
    if len({str(name) for name in names}) < len(names):
        raise ImportRefused(f"{path} has an entry under a number and under a string of the same")
    return {str(name): _to_arrays(torch, path, entries[name]) for name in names}


def torch_bytes(tensors: Mapping[str, np.ndarray], description: str) -> bytes:
    """Return what torch.save writes of a state dict with these arrays.

    The description is put into the `_metadata` of the state dict: no key is added, and
    `load_state_dict` passes over it.
    """
    try:
        import torch
    except ImportError:
        raise GhostError(
            "writing .pt and .pth files needs PyTorch: install it, or write .safetensors"
        ) from None
    stream = io.BytesIO()
    state = OrderedDict((name, _to_tensor(torch, array)) for name, array in tensors.items())
    state._metadata = OrderedDict({"": {EXPORTED: description}})  # type: ignore[attr-defined]
    torch.save(state, stream)
    return stream.getvalue()


def _to_tensor(torch: Any, array: np.ndarray) -> Any:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def _is_state_dict(torch: Any, value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(n, str) and isinstance(x, torch.Tensor) for n, x in value.items())


def _to_arrays(torch: Any, path: PathLike, state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    # A tensor with strides of 0 takes more as an array than in the file.
    expanded = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    check_expansion(path, expanded, Path(path).stat().st_size)
    arrays = {name: _to_numpy(torch, path, name, tensor) for name, tensor in state.items()}
    metadata = getattr(state, "_metadata", None)
    return arrays | _described(metadata.get("") if isinstance(metadata, Mapping) else None)


def _to_numpy(torch: Any, path: PathLike, name: str, tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:  # NumPy has no such type of its own: take the bits
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    try:
        return tensor.numpy()
    except (RuntimeError, TypeError):
        raise ImportRefused(
            f"{path}: tensor {name!r} must be dense and of a type that NumPy knows, got "
            f"{tensor.dtype} ({tensor.layout})"
        ) from None


# Readers of the types that a file's content tells.
READERS: Mapping[str, Callable[[PathLike], StateDicts]] = {
    file_types.SAFETENSORS: read_safetensors_file,
    file_types.NPZ: read_npz,
    file_types.TORCH: read_torch,
    file_types.PICKLE: read_torch,
}
SUFFIXES: Mapping[str, Callable[[PathLike], StateDicts]] = {
    ".npz": read_npz,
    **dict.fromkeys(TORCH_SUFFIXES, read_torch),
}
# Importers of files that are no state dicts.
OTHERS = {file_types.HDF5: "keras", file_types.KERAS: "keras", file_types.MSGPACK: "flax-msgpack"}


def read_state_dicts(path: PathLike) -> StateDicts:
    """Read the state dicts in a file of PyTorch, NumPy or safetensors, whatever it is called.

    Raises `FormatError` for any other kind of file.
    """
    found, suffix = file_type_of(path), suffix_of(path)
    if found in READERS:
        return READERS[found](path)
    if found == file_types.ZIP and suffix in SUFFIXES:
        return SUFFIXES[suffix](path)
    hint = f": try --from {OTHERS[found]}" if found in OTHERS else ""
    raise FormatError(f"{path} is no file of PyTorch, NumPy or safetensors: it is {found}{hint}")


def file_type_of(path: PathLike) -> str:
    """Return the type of a file, by its first bytes."""
    with opened(path) as stream:
        return file_types.file_type(stream.read(file_types.BEGINNING))
