"""Bytes on disk: safetensors' container, read whole and written atomically."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import safetensors.numpy

from weights import header, kinds
from weights.digests import little_endian
from weights.errors import FormatError, GhostError
from weights.header import LENGTH_BYTES, READABLE_DTYPES, Entry

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself: its tensors, its strings, the bytes of its data."""

    entries: list[Entry]
    metadata: dict[str, str]
    data_size: int


def read_bytes(path: PathLike) -> bytes:
    """The whole file; raises `FormatError` where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None


def read_header(path: PathLike) -> Header:
    """The checked header of a safetensors file, without its tensors."""
    try:
        with Path(path).open("rb") as stream:
            return _header(path, stream)
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None


def read_safetensors(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Any safetensors file: its tensors, sorted by name, and its string metadata.

    The arrays are writable and nobody else's; together they are one piece of memory. Raises
    `FormatError`, and takes no memory that the file does not fill.
    """
    try:
        with Path(path).open("rb") as stream:
            before = _version(stream)
            found = _header(path, stream)
            header.check_end(path, found.entries, found.data_size)
            buffer = np.empty(found.data_size, np.uint8)
            count = stream.readinto(buffer.data)
            if count != found.data_size or stream.read(1) or _version(stream) != before:
                raise FormatError(f"{path} changed while it was read: read it again")
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from None
    tensors = {entry.name: _tensor(buffer, entry) for entry in found.entries}
    return dict(sorted(tensors.items())), found.metadata


def _header(path: PathLike, stream: BinaryIO) -> Header:
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(kinds.BEGINNING)
    length = header.header_size(path, start, size)
    stream.seek(LENGTH_BYTES)
    entries, metadata = header.parse(path, stream.read(length))
    available = size - LENGTH_BYTES - length
    return Header(entries, metadata, available)


def _version(stream: BinaryIO) -> tuple[int, int]:
    """What changes whenever somebody writes into an open file."""
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _tensor(buffer: np.ndarray, entry: Entry) -> np.ndarray:
    piece = buffer[entry.begin : entry.end]
    return piece.view(READABLE_DTYPES[entry.dtype]).reshape(entry.shape)


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
    write_atomically(Path(path), data if len(metadata) < 2 else header.with_sorted_metadata(data))


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
    _remove_strays(path)
    temporary = path.with_name(
        f".{path.name}.{_machine()}-{os.getpid()}.{secrets.token_hex(8)}.tmp"
    )
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


def _remove_strays(path: Path) -> None:
    """Remove what writers of this machine left behind that died while they wrote `path`."""
    if os.name != "posix":
        return  # elsewhere nobody can be asked for a sign of life without being ended by it
    prefix = re.escape(f".{path.name}.{_machine()}-")
    pattern = re.compile(prefix + r"(\d+)\.[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            found = pattern.fullmatch(entry.name)
            if found and not _is_alive(int(found[1])):
                Path(entry.path).unlink(missing_ok=True)


def _machine() -> str:
    """The machine that writes, in the name of a temporary file."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is somebody else's
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open a folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
