"""What can go wrong with an implementation under test, each told apart from a wrong number."""

from __future__ import annotations

# Characters of one text that an implementation had a part in.
MOST_TEXT, MOST_NAME = 4000, 200


def printable(text: str) -> str:
    r"""The text with escapes for what neither a terminal nor XML can hold.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def words(text: str, most: int = MOST_TEXT) -> str:
    r"""A text of somebody else's, printable, and with its middle left out where it is long.

    >>> words("abcdef\0" * 100, most=12)
    'abcdef ... (688 characters left out) ... bcdef\\x00'
    """
    left_out = str.__len__(text) - most
    if left_out <= 0:
        return printable(text)
    first, last = (
        str.__getitem__(text, slice(most // 2)),
        str.__getitem__(text, slice(-most // 2, None)),
    )
    return printable(f"{first} ... ({left_out} characters left out) ... {last}")


def text_of(value: object, most: int = MOST_TEXT) -> str:
    """What `str` makes of somebody else's object, whatever that does."""
    try:
        return words(str(value), most)
    except BaseException as error:
        return (
            f"(a {words(type(value).__name__, MOST_NAME)} whose text raises {type(error).__name__})"
        )


class NotSupported(Exception):
    """Raised by an implementation for what it cannot do: a skip with a reason, never a pass."""


class ImplementationError(Exception):
    """The implementation gave no result for a case."""


class ImplementationRaised(ImplementationError):
    """The implementation raised, or returned what is no array."""

    def __init__(self, type_name: str, text: str, is_ghost_error: bool) -> None:
        super().__init__(f"{type_name}: {text}")
        self.type_name = type_name
        self.text = text
        self.is_ghost_error = is_ghost_error


class ProcessDied(ImplementationError):
    """The implementation's process ended in the middle of a request."""

    def __init__(self, exit_code: int | None, output: str) -> None:
        super().__init__(f"its process died with exit code {exit_code}; its last words:\n{output}")
        self.exit_code = exit_code
        self.output = output


class NoAnswer(ImplementationError):
    """The implementation's process sent what is no answer."""


class TimedOut(ImplementationError):
    """The implementation took longer than a case may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
