"""Tables of which `make quick` takes a share, and `make test` all rows; shares of all tests."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def in_share(name: str, which: int, parts: int) -> bool:
    """Whether a test is in that part of all, of which the first is 1."""
    return zlib.crc32(name.encode()) % parts == which % parts


def some_quick(rows: Iterable[Any], count: int) -> list[Any]:
    """So many rows at equal distances for both, the others marked `slow`."""
    rows = list(rows)
    kept = {number * len(rows) // count for number in range(count)}
    return [row if number in kept else _slow(row) for number, row in enumerate(rows)]


def quick_where(is_quick: Callable[[Any], bool], rows: Iterable[Any]) -> list[Any]:
    """The rows of which that is so for both, the others marked `slow`."""
    return [row if is_quick(row) else _slow(row) for row in rows]


def _slow(row: Any) -> Any:
    return pytest.param(row, marks=pytest.mark.slow)
