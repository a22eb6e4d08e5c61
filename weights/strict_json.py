"""Strict JSON: no name twice, no NaN or infinity, and a bounded depth."""

import json
import math
from typing import Any, NoReturn

from weights.errors import FormatError
from weights.text import brief

DEEPEST = 32


def loads(text: str | bytes, what: str = "the text") -> Any:
    """Return the value of a JSON text; raises `FormatError` with a predicate of `what`.

    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    weights.errors.FormatError: the text has 'a' twice
    """
    try:
        value = json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
        _check(value)
        return value
    except _FoundError as error:
        predicate = str(error)
    except RecursionError:
        predicate = "is nested too deeply"
    except ValueError:
        predicate = "is not JSON"
    raise FormatError(f"{what} {predicate}")


class _FoundError(ValueError):
    """An error that is not the parser's own."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _FoundError(f"has {brief(twice)} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _FoundError(f"has {name}, which is no number of JSON")


def _check(value: Any) -> None:
    """Raise an error for values that JSON can spell and no program can write again."""
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += [*each, *each.values()]
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str) and not _is_text(each):
                raise _FoundError(f"has {brief(each)}, which is no text")
            elif isinstance(each, float) and not math.isfinite(each):
                raise _FoundError("has a number that is too large")
        if not inner:
            return
        level = inner
    raise _FoundError("is nested too deeply")


def _is_text(text: str) -> bool:
    """Return whether a string can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
