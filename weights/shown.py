"""Values of strangers in messages: of bounded length, printable, whatever they are."""

from __future__ import annotations

import math
from reprlib import Repr
from typing import Any

MOST_DIGITS, MOST_CHARACTERS = 40, 80


class _Short(Repr):
    """`repr`, in which what is long is cut out of the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = MOST_CHARACTERS
        self.maxlong = MOST_DIGITS
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        """The digits, of which Python itself writes 4,300 at most."""
        if x.bit_length() <= 4 * MOST_DIGITS:
            return super().repr_int(x, level)
        digits = math.ceil(x.bit_length() * math.log10(2))
        return f"an integer of about {digits} digits"


_short = _Short()


def shown(value: Any) -> str:
    """`repr(value)`, shortened where it is long; never raises.

    >>> shown("relu"), shown((3, 5)), shown(10**400)
    ("'relu'", '(3, 5)', 'an integer of about 401 digits')
    """
    try:
        text = _short.repr(value)
    except Exception:  # a stranger's own `__repr__`
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 4 * MOST_CHARACTERS else f"{text[: 4 * MOST_CHARACTERS]}..."
