"""The operations that a pickle of tensors may have, and those that put entries into dicts."""

import pickle
import struct
from collections.abc import Callable
from typing import Any

from weights.importers.pickling.values import Name

# A network, its averages and its optimizer's state take fewer.
MOST_OPERATIONS = 500_000
OPERATIONS = """
    PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2
    LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 STRING
    BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 EMPTY_TUPLE TUPLE TUPLE1
    TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS
    GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL BINPERSID
"""


class Operations(dict[int, Callable[[Any], None]]):
    """The operations by their codes; raises for others, and for too many."""

    left = MOST_OPERATIONS

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise pickle.UnpicklingError("too many operations")
        if code not in self:
            raise pickle.UnpicklingError(f"the operation {code} is not one of tensors")
        return super().__getitem__(code)


def _set_items(reader: Any, pairs: list[Any]) -> None:
    """Put entries into a dict; nested keys are refused, since hashing them never ends well."""
    target = reader.stack[-1]
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int | float | bytes | Name | None):
            raise pickle.UnpicklingError("a dict with a key that is no name or number")
        target[key] = value


def set_item(reader: Any) -> None:
    """Put one entry into a dict."""
    value, key = reader.stack.pop(), reader.stack.pop()
    _set_items(reader, [key, value])


def set_marked(reader: Any) -> None:
    """Put the entries since the last mark into a dict."""
    _set_items(reader, reader.pop_mark())


def new_dict(reader: Any) -> None:
    """Make a dict of the entries since the last mark."""
    pairs = reader.pop_mark()
    reader.stack.append({})
    _set_items(reader, pairs)


def byte_array(reader: Any) -> None:
    """Read bytes that may change, as bytes that may not: no memory is taken for a claim."""
    (size,) = struct.unpack("<Q", reader.read(8))
    reader.stack.append(reader.read(size))
