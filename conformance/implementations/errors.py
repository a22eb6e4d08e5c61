"""Errors of an implementation under test, each told apart from a wrong number."""

from __future__ import annotations

# Characters of a text, and of a name, that an implementation had a part in.
TEXT_LIMIT, NAME_LIMIT = 4000, 200


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""A text of somebody else's, printable, and with its middle left out where it is long.

    >>> shorten("abcdef\0" * 100, limit=12)
    'abcdef ... (688 characters left out) ... bcdef\\x00'
    """
    from weights.text import printable  # with NumPy, which the public names here do without

    text = str.expandtabs(text, 4)  # a text of exactly this class, whatever class it had
    left_out = len(text) - limit
    if left_out <= 0:
        return printable(text)
    first, last = text[: limit // 2], text[-limit // 2 :]
    return printable(f"{first} ... ({left_out} characters left out) ... {last}")


def safe_str(value: object, limit: int = TEXT_LIMIT) -> str:
    """`str(value)` of somebody else's object, whatever its methods do."""
    try:
        return shorten(str(value), limit)
    except BaseException as error:
        name, raised = shorten(type(value).__name__, NAME_LIMIT), type(error).__name__
        return f"(a {name} whose text raises {raised})"


class NotSupported(Exception):
    """Raised by an implementation for what it cannot do: the case is skipped, with this reason."""


class ImplementationError(Exception):
    """The implementation gave no result for a case."""


class ImplementationRaised(ImplementationError):
    """The implementation raised, or returned what is no array.

    `is_ghost_error` is true where it raised a `weights.GhostError`.
    """

    def __init__(self, type_name: str, text: str, is_ghost_error: bool) -> None:
        super().__init__(f"{type_name}: {text}")
        self.type_name = type_name
        self.text = text
        self.is_ghost_error = is_ghost_error


# The exceptions that the replies of a worker stand for.
REFUSALS: dict[str, type[Exception]] = {
    "unsupported": NotSupported,
    "raised": ImplementationRaised,
}


class ProcessDied(ImplementationError):
    """The implementation's process ended in the middle of a request."""

    def __init__(self, exit_code: int | None, output: str) -> None:
        super().__init__(f"its process died with exit code {exit_code}; its last output:\n{output}")
        self.exit_code = exit_code
        self.output = output


class NoReply(ImplementationError):
    """The implementation's process sent what is no reply."""


class TimedOut(ImplementationError):
    """The implementation took longer than a case may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no result within {seconds:g} s")
        self.seconds = seconds
