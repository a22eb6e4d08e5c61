"""Mutated weight files: bytes, structure of the header, and the metadata inside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.file_edits import LENGTH, with_header, with_metadata

INTERESTING = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF)
NUMBERS = (-1, 0, 1, 3, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, 1.5, True, None)
WORDS = (
    "",
    "F32",
    "F64",
    "BOOL",
    "F8_E4M3",
    "ghost_conv",
    "2.0",
    "\x00",
    "..",
    "__metadata__",
    "é",
)


def mutate(data: bytes, generator: random.Random, kinds: Sequence[str] = ()) -> tuple[str, bytes]:
    """A kind of damage, of all or of some kinds, and the file with it."""
    kind = generator.choice(tuple(kinds or KINDS))
    return kind, KINDS[kind](data, generator)


def flip(data: bytes, generator: random.Random) -> bytes:
    """Some bits anywhere."""
    found = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 8))):
        found[generator.randrange(len(found))] ^= 1 << generator.randrange(8)
    return bytes(found)


def flip_header(data: bytes, generator: random.Random) -> bytes:
    """Some bytes of the header."""
    found = bytearray(data)
    size = LENGTH + int.from_bytes(data[:LENGTH], "little")
    for _ in range(generator.choice((1, 2, 4))):
        found[generator.randrange(size)] = generator.choice((*INTERESTING, *b'{}[]",:-e0'))
    return bytes(found)


def cut(data: bytes, generator: random.Random) -> bytes:
    """The beginning alone."""
    return data[: generator.randrange(len(data))]


def extend(data: bytes, generator: random.Random) -> bytes:
    """Bytes behind the end."""
    return data + generator.randbytes(generator.choice((1, 8, 64)))


def splice(data: bytes, generator: random.Random) -> bytes:
    """A piece taken out, doubled, or put elsewhere."""
    start = generator.randrange(len(data))
    end = min(len(data), start + generator.randrange(1, 64))
    piece = data[start:end] * generator.choice((0, 2, 3))
    return data[:start] + piece + data[end:]


def claim(data: bytes, generator: random.Random) -> bytes:
    """Another length of the header."""
    size = int.from_bytes(data[:LENGTH], "little") + generator.choice((-8, -1, 1, 8, 2**20))
    wild = generator.choice((0, 2**31, 2**40, 2**63, 2**64 - 1, max(size, 0)))
    return wild.to_bytes(LENGTH, "little") + data[LENGTH:]


def edit_header(data: bytes, generator: random.Random) -> bytes:
    """A value of the header's JSON replaced, removed or added."""
    return with_header(data, lambda header: _edit(header, generator))


def edit_metadata(data: bytes, generator: random.Random) -> bytes:
    """A value inside the metadata entry replaced, removed or added."""
    return with_metadata(data, lambda entry: _edit(entry, generator))


def _edit(value: Any, generator: random.Random) -> Any:
    """The value with one place in it changed."""
    if not isinstance(value, (dict, list)) or not value or generator.random() < 0.1:
        return _strange(generator)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, action = generator.choice(keys), generator.random()
    if action < 0.15:
        del value[key]
    elif action < 0.25 and isinstance(value, dict):
        value[generator.choice(WORDS)] = _strange(generator)
    else:
        value[key] = _edit(value[key], generator)
    return value


def _strange(generator: random.Random) -> Any:
    deep: Any = []
    for _ in range(generator.choice((1, 50))):
        deep = [deep]
    return generator.choice((*NUMBERS, *WORDS, [], {}, [0, 0], deep, "x" * 2000))


KINDS = {
    each.__name__: each
    for each in (
        flip, flip_header, cut, extend, splice, claim, edit_header, edit_metadata,
    )
}  # fmt: skip
# What can happen to any file.
BYTES = tuple(each.__name__ for each in (flip, cut, extend, splice))
