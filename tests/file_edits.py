"""Interchange files with another header, the tensors behind it untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# Of the bytes that tell how long the header is.
LENGTH = 8


def with_header(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """The file with what `change` returns of its header."""
    size = int.from_bytes(data[:LENGTH], "little")
    text = json.dumps(change(json.loads(data[LENGTH : LENGTH + size]))).encode()
    return len(text).to_bytes(LENGTH, "little") + text + data[LENGTH + size :]


def with_metadata(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """The file with what `change` returns of its metadata entry."""

    def change_entry(header: dict[str, Any]) -> Any:
        entry = json.loads(header["__metadata__"]["ghost_weights"])
        header["__metadata__"]["ghost_weights"] = json.dumps(change(entry))
        return header

    return with_header(data, change_entry)


def in_place(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change that returns nothing of use, as one that returns what it changed."""

    def changed(value: Any) -> Any:
        change(value)
        return value

    return changed
