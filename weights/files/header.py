"""The header of a safetensors file, every field of which is checked."""

import json
import re
from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from weights import strict_json
from weights.errors import FormatError
from weights.files import file_types
from weights.files.writing import PathLike
from weights.limits import HEADER
from weights.tensors import DTYPES
from weights.text import brief, listed

LENGTH_BYTES = 8
RANK_LIMIT, LARGEST_SIZE = 32, 2**63
METADATA = "__metadata__"
# Names of tensors: no control characters, no halves of surrogate pairs, at most 512 characters.
NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,512}")
# Types of a foreign checkpoint besides floating point numbers.
OTHER_DTYPES = {
    name: np.dtype(name.replace("U", "uint").replace("I", "int"))
    for name in ("U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64")
}
READABLE_DTYPES = {**DTYPES, **OTHER_DTYPES, "BOOL": np.dtype(bool)}

# A damaged safetensors file may begin like the last three.
POSSIBLE_TYPES = (file_types.SAFETENSORS, file_types.UNKNOWN, file_types.TEXT, file_types.MSGPACK)


class Entry(NamedTuple):
    """A tensor of the header: its dtype, shape, and where its bytes begin and end."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header_size(path: PathLike, start: bytes, file_size: int) -> int:
    """Return the claimed size of the header; raises `FormatError` for another type of file."""
    found = file_types.file_type(start)
    if found not in POSSIBLE_TYPES:
        raise FormatError(f"{path} is not a safetensors file: it is {found}")
    size = int.from_bytes(start[:LENGTH_BYTES], "little")
    if len(start) < LENGTH_BYTES or size > file_size - LENGTH_BYTES:
        raise FormatError(
            f"{path} is not a safetensors file, or is cut short: its header claims {size} bytes, "
            f"the file has {max(file_size - LENGTH_BYTES, 0)} after the length"
        )
    if size > HEADER.value:
        raise FormatError(
            f"{path}: the header has {size} bytes, more than {HEADER.value}: raise the limit by "
            f"the environment variable {HEADER.variable}, if it is yours"
        )
    return size


def parse(path: PathLike, text: bytes) -> tuple[list[Entry], dict[str, str]]:
    """Return the tensors of a header in the order of their bytes, and the string metadata.

    Raises `FormatError` unless the tensors lie one after the other from the first byte on.
    """
    what = f"{path} is not a safetensors file:"
    header = strict_json.loads(text, f"{what} its header")
    if not isinstance(header, dict):
        raise FormatError(f"{what} its header is not a JSON object")
    metadata = header.pop(METADATA, {})
    wrong = [name for name, value in header.items() if not _is_entry(name, value)]
    if not isinstance(metadata, dict) or not all(isinstance(x, str) for x in metadata.values()):
        wrong = [METADATA]
    if wrong:
        raise FormatError(f"{what} wrong header entries: {listed(map(brief, wrong))}")
    entries = [
        Entry(name, value["dtype"], tuple(value["shape"]), *value["data_offsets"])
        for name, value in header.items()
    ]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    _check_layout(path, entries)
    return entries, metadata


def _check_layout(path: PathLike, entries: Iterable[Entry]) -> None:
    end, what = 0, f"{path} is not a whole safetensors file:"
    for entry in entries:
        name, dtype, shape, begin, stop = entry
        if dtype not in READABLE_DTYPES:
            raise FormatError(f"{path}: tensor {name!r} has the unsupported dtype {dtype}")
        wanted, size = prod(shape) * READABLE_DTYPES[dtype].itemsize, stop - begin
        if size != wanted:
            has = f"tensor {name!r} has {size} bytes, its shape {list(shape)} wants {wanted}"
            raise FormatError(f"{what} {has}")
        if begin != end:
            kind = "overlap" if begin < end else "leave a hole"
            raise FormatError(f"{what} the bytes of tensor {name!r} and those before it {kind}")
        end = stop


def with_sorted_metadata(data: bytes) -> bytes:
    """Sort the metadata of a file, which safetensors writes in a random order."""
    begin = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    found = json.loads(data[LENGTH_BYTES:begin])
    found[METADATA] = dict(sorted(found[METADATA].items()))
    text = json.dumps(found, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return b"".join((len(text).to_bytes(LENGTH_BYTES, "little"), text, memoryview(data)[begin:]))


def check_end(path: PathLike, entries: list[Entry], available: int) -> None:
    """Raise `FormatError` unless the tensors end where the file does."""
    end = entries[-1].end if entries else 0
    if end != available:
        reason = f"{available - end} bytes follow its tensors"
        if end > available:
            reason = f"its tensors have {end} bytes, the file has {available}: it is cut short"
        raise FormatError(f"{path} is not a whole safetensors file: {reason}")


def _is_entry(name: str, value: Any) -> bool:
    return (
        isinstance(value, dict)
        and NAME.fullmatch(name) is not None
        and isinstance(value.get("dtype"), str)
        and _are_sizes(value.get("shape"), RANK_LIMIT)
        and _are_sizes(value.get("data_offsets"), 2)
        and len(value["data_offsets"]) == 2
        and value["data_offsets"][0] <= value["data_offsets"][1]
    )


def _are_sizes(value: Any, limit: int) -> bool:
    if not isinstance(value, list) or len(value) > limit:
        return False
    # A list takes a third of the time of `all`.
    return not [size for size in value if type(size) is not int or not 0 <= size < LARGEST_SIZE]
