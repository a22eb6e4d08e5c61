"""Safetensors files, read whole and written atomically."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy

from weights.errors import FormatError
from weights.files import file_types, header
from weights.files.digests import little_endian
from weights.files.header import LENGTH_BYTES, READABLE_DTYPES, Entry
from weights.files.writing import PathLike as PathLike
from weights.files.writing import check_path, check_writable, write_atomically
from weights.text import brief

LARGEST_TOML = 1_000_000


@dataclass(frozen=True)
class Header:
    """The header of a safetensors file: its tensors, its strings, and the size of its data."""

    entries: list[Entry]
    metadata: dict[str, str]
    data_size: int


@contextmanager
def opened(path: PathLike) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises `FormatError` where it cannot be read, and for a pipe or a device, which might never end.
    """
    check_path(path)
    try:
        with os.fdopen(_descriptor(path), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FormatError(f"cannot read {path}: it must be a file, not a pipe or a device")
            yield stream
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from None


def _descriptor(path: PathLike) -> int:
    # O_NONBLOCK: opening a pipe does not wait for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags)
    except ValueError as error:  # a zero byte in the name
        raise FormatError(f"cannot read {path}: {error}") from None


def read_bytes(path: PathLike) -> bytes:
    """Read the whole file; raises `FormatError` where it cannot be read."""
    with opened(path) as stream:
        return stream.read()


def read_toml(path: PathLike) -> dict[str, Any]:
    """Read a TOML file of a megabyte at most; raises `FormatError` for anything else."""
    import tomllib  # of which networks and their files need nothing

    data = read_bytes(path)
    try:
        if len(data) > LARGEST_TOML:
            raise ValueError(f"it has {len(data)} bytes")
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no TOML file: {brief(str(error))}") from None


def read_header(path: PathLike) -> Header:
    """Read and check the header of a safetensors file."""
    with opened(path) as stream:
        return _header(path, stream)


def read_safetensors(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read any safetensors file: its tensors, sorted by name, and its string metadata.

    The arrays are writable and share one piece of memory of the size of the file. Raises
    `FormatError`.
    """
    with opened(path) as stream:
        before = _version(stream)
        found = _header(path, stream)
        header.check_end(path, found.entries, found.data_size)
        buffer = np.empty(found.data_size, np.uint8)
        count = stream.readinto(buffer.data)  # type: ignore[attr-defined]
        if count != found.data_size or stream.read(1) or _version(stream) != before:
            raise FormatError(f"{path} changed while it was read: read it again")
    tensors = {entry.name: _tensor(buffer, entry) for entry in found.entries}
    return dict(sorted(tensors.items())), found.metadata


def _header(path: PathLike, stream: BinaryIO) -> Header:
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(file_types.BEGINNING)
    length = header.header_size(path, start, size)
    stream.seek(LENGTH_BYTES)
    entries, metadata = header.parse(path, stream.read(length))
    available = size - LENGTH_BYTES - length
    return Header(entries, metadata, available)


def _version(stream: BinaryIO) -> tuple[int, int]:
    """Return what changes whenever somebody writes into an open file."""
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _tensor(buffer: np.ndarray, entry: Entry) -> np.ndarray:
    return np.ndarray(entry.shape, READABLE_DTYPES[entry.dtype], buffer, entry.begin)


def write_safetensors(
    path: PathLike,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a safetensors file atomically: the same arguments give the same bytes."""
    arrays = {name: little_endian(array) for name, array in tensors.items()}
    check_writable(path, overwrite=overwrite)
    data = safetensors.numpy.save(arrays, dict(metadata))
    data = data if len(metadata) < 2 else header.with_sorted_metadata(data)
    write_atomically(Path(path), data, overwrite=overwrite)
