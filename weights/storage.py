"""Bytes on disk: safetensors' container, read whole and written atomically."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from weights.digests import little_endian
from weights.errors import FormatError, GhostError
from weights.tensors import DTYPES

PathLike = str | os.PathLike[str]

LENGTH_BYTES = 8
# What a foreign checkpoint may hold besides floating point numbers.
OTHER_DTYPES = {
    name: np.dtype(name.replace("U", "uint").replace("I", "int"))
    for name in ("U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64")
}
READABLE_DTYPES = {**DTYPES, **OTHER_DTYPES, "BOOL": np.dtype(bool)}


def read_bytes(path: PathLike) -> bytes:
    """The whole file; raises `FormatError` where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None


def read_header(path: PathLike) -> bytes:
    """The header of a safetensors file alone, its eight length bytes included."""
    try:
        with Path(path).open("rb") as stream:
            length = stream.read(LENGTH_BYTES)
            size = min(int.from_bytes(length, "little"), os.fstat(stream.fileno()).st_size)
            return length + stream.read(size)
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None


def parse_header(path: PathLike, data: bytes) -> dict[str, Any]:
    """The JSON header of a safetensors file."""
    size = int.from_bytes(data[:LENGTH_BYTES], "little")
    if len(data) < LENGTH_BYTES + size:
        raise FormatError(
            f"{path} is not a safetensors file, or is cut short: its header claims {size} bytes, "
            f"the file has {max(len(data) - LENGTH_BYTES, 0)} after the length"
        )
    try:
        header = json.loads(data[LENGTH_BYTES : LENGTH_BYTES + size])
    except (ValueError, RecursionError):
        raise FormatError(f"{path} is not a safetensors file: its header is not JSON") from None
    if not isinstance(header, dict):
        raise FormatError(f"{path} is not a safetensors file: its header is not a JSON object")
    wrong = [name for name, entry in header.items() if not _is_header_entry(name, entry)]
    if wrong:
        names = ", ".join(map(repr, wrong))
        raise FormatError(f"{path} is not a safetensors file: wrong header entries: {names}")
    return header


def parse_tensors(path: PathLike, data: bytes) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file as writable arrays of their own, sorted by name."""
    try:
        entries = sorted(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise FormatError(f"{path} is not a whole safetensors file: {error}") from None
    tensors = {}
    for name, view in entries:
        if view["dtype"] not in READABLE_DTYPES:
            raise FormatError(f"{path}: tensor {name!r} has the unsupported dtype {view['dtype']}")
        flat = np.frombuffer(view["data"], READABLE_DTYPES[view["dtype"]])
        tensors[name] = flat.reshape(view["shape"]).copy()
    return tensors


def read_safetensors(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Any safetensors file: its tensors and its string metadata."""
    data = read_bytes(path)
    return parse_tensors(path, data), parse_header(path, data).get("__metadata__", {})


def write_safetensors(
    path: PathLike,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a safetensors file atomically.

    Two metadata entries would come in a random order, so bytes are reproducible with one only.
    """
    arrays = {name: little_endian(array) for name, array in tensors.items()}
    check_writable(path, overwrite=overwrite)
    write_atomically(Path(path), safetensors.numpy.save(arrays, dict(metadata)))


def check_writable(path: PathLike, *, overwrite: bool) -> None:
    """Raise `GhostError` where `path` must not, or cannot, be written."""
    path = Path(path)
    if path.is_dir():
        raise GhostError(f"cannot write {path}: it is a folder")
    if path.exists() and not overwrite:
        raise GhostError(f"{path} exists: pass overwrite=True to replace it")
    if not path.parent.is_dir():
        raise GhostError(f"cannot write {path}: the folder {path.parent} does not exist")


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step: whoever looks sees the old file or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        # os.open, not tempfile: the mode then follows the umask.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise GhostError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _is_header_entry(name: str, entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    if name == "__metadata__":
        return all(isinstance(value, str) for value in entry.values())
    shape = entry.get("shape")
    sizes = shape if isinstance(shape, list) else [None]
    return isinstance(entry.get("dtype"), str) and all(type(size) is int for size in sizes)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open a folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
