"""Reading a foreign checkpoint: its tensors as NumPy arrays, wrappers and counters taken off."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.file import ENTRY
from weights.storage import PathLike, read_safetensors

COUNTER = "num_batches_tracked"
# What torch.nn.DataParallel and torch.compile put before every name.
WRAPPERS = ("module.", "_orig_mod.")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors under their foreign names, and what was taken off to get them.

    `dropped` counts the tensors left out, by the last part of their name; `prefix` stood before
    every name; `entry` held the tensors inside the file, where they were not the file itself.
    """

    path: PathLike
    tensors: dict[str, np.ndarray] = field(repr=False)
    dropped: dict[str, int]
    prefix: str = ""
    entry: str = ""


def read_checkpoint(path: PathLike) -> Checkpoint:
    """Read a `.safetensors`, `.pt` or `.pth` file.

    Raises `FormatError` where it cannot be read, `ImportRefused` where it is no state dict.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".safetensors":
        return _unwrap(path, _read_state_dict(path), entry="")
    if suffix in (".pt", ".pth"):
        return _unwrap(path, *_read_torch(path))
    raise ImportRefused(f"the source must be a .safetensors, .pt or .pth file, got {path}")


def strip_wrappers(names: list[str]) -> str:
    """The prefix of wrappers that all names share.

    >>> strip_wrappers(["module._orig_mod.bn1.weight", "module._orig_mod.bn1.bias"])
    'module._orig_mod.'
    """
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return wrapper + strip_wrappers([name.removeprefix(wrapper) for name in names])
    return ""


def _unwrap(path: PathLike, tensors: Mapping[str, np.ndarray], entry: str) -> Checkpoint:
    prefix = strip_wrappers(list(tensors))
    bare = {name.removeprefix(prefix): array for name, array in tensors.items()}
    kept = {name: array for name, array in bare.items() if name.rpartition(".")[2] != COUNTER}
    count = len(bare) - len(kept)
    return Checkpoint(path, kept, {COUNTER: count} if count else {}, prefix, entry)


def _read_state_dict(path: PathLike) -> dict[str, np.ndarray]:
    tensors, metadata = read_safetensors(path)
    if ENTRY in metadata:
        raise ImportRefused(f"{path} is an interchange file already: it needs no import")
    return tensors


def _read_torch(path: PathLike) -> tuple[dict[str, np.ndarray], str]:
    try:
        import torch
    except ImportError:
        raise ImportRefused(
            f"reading {path} needs PyTorch: install it, or save the state dict as .safetensors"
        ) from None
    content = _load(torch, path)
    entry, state = _find_state_dict(torch, path, content)
    return {name: _to_numpy(torch, path, name, value) for name, value in state.items()}, entry


def _load(torch: Any, path: PathLike) -> Any:
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from None
    except pickle.UnpicklingError:
        raise ImportRefused(
            f"{path} holds more than tensors (a pickled module, say), and reading that could run "
            "any code: where it was made, save module.state_dict() instead"
        ) from None
    except (RuntimeError, EOFError):
        raise FormatError(f"{path} is not a whole PyTorch file") from None


def _find_state_dict(torch: Any, path: PathLike, content: Any) -> tuple[str, Mapping[str, Any]]:
    """The state dict, the content itself or its only entry of that kind, and the entry's name."""

    def is_state_dict(value: Any) -> bool:
        return (
            isinstance(value, Mapping)
            and len(value) > 0
            and all(isinstance(name, str) for name in value)
            and all(isinstance(tensor, torch.Tensor) for tensor in value.values())
        )

    if is_state_dict(content):
        return "", content
    entries = content.items() if isinstance(content, Mapping) else ()
    found = [(str(key), value) for key, value in entries if is_state_dict(value)]
    if len(found) != 1:
        names = ", ".join(key for key, _ in found) or "none"
        raise ImportRefused(
            f"{path} must hold one state dict (names to tensors), itself or in one entry, got "
            f"{names}: save the one to import by itself"
        )
    return found[0]


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
