"""Text of messages: printable and of bounded length, whatever value is in it."""

import math
from collections.abc import Iterable
from itertools import islice
from reprlib import Repr

MOST_DIGITS, MOST_CHARACTERS = 40, 80
# The first items of a list are named; bytes are kept of the beginning and the end of a text.
MOST_ITEMS, MOST_LINES = 10, 40
BEGINNING, END = 15_000, 4_000


class _Short(Repr):
    """`repr`, in which the middle of long values is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = MOST_CHARACTERS
        self.maxlong = MOST_DIGITS
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        """Return the digits; Python itself writes 4,300 at most."""
        if x.bit_length() <= 4 * MOST_DIGITS:
            return super().repr_int(x, level)
        digits = math.ceil(x.bit_length() * math.log10(2))
        return f"an integer of about {digits} digits"


_short = _Short()


def brief(value: object) -> str:
    """Return `repr(value)`, shortened where it is long; never raises.

    >>> brief("relu"), brief((3, 5)), brief(10**400)
    ("'relu'", '(3, 5)', 'an integer of about 401 digits')
    """
    try:
        text = _short.repr(value)
    except Exception:  # of a `__repr__` that raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 4 * MOST_CHARACTERS else f"{text[: 4 * MOST_CHARACTERS]}..."


def listed(items: Iterable[str], separator: str = ", ", most: int = MOST_ITEMS) -> str:
    """Join the first items, and say how many more there are.

    >>> listed("abcd", most=2)
    'a, b, and 2 more'
    """
    rest = iter(items)
    first = list(islice(rest, most))
    more = sum(1 for _ in rest)
    return separator.join([*first, *([f"and {more} more"] if more else [])])


def printable(text: str) -> str:
    r"""Return the text with escapes for control characters and for what cannot be written.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    return "".join(
        each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text
    )


def bounded(text: str) -> str:
    """Return a printable text of at most 20 kB; the middle of a longer one is left out."""
    if len(text) > BEGINNING + END:
        text = f"{text[:BEGINNING]} ... {text[-END:]}"
    data = printable(text).encode()
    if len(data) <= BEGINNING + END + 5:
        return data.decode()
    return f"{data[:BEGINNING].decode(errors='ignore')} ... {data[-END:].decode(errors='ignore')}"
