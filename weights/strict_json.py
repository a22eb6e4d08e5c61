"""Strict JSON: no name twice, no NaN or infinity, and a bounded depth."""

import json
import math
from collections.abc import Iterable
from itertools import chain
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
        text = text if isinstance(text, str) else text.decode()
        value = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        # Plain ASCII has no half of a surrogate pair, and no text needs a look.
        _check(value, texts="\\u" in text or not text.isascii())
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


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _FoundError("has a number that is too large")
    return number


def _check(value: Any, *, texts: bool) -> None:
    """Raise an error for what is too deep, and among `texts` for one that cannot be written."""
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for each in level:
            inner += each.values() if isinstance(each, dict) else each
        if texts:
            _check_texts(chain(inner, *(each for each in level if isinstance(each, dict))))
        if not inner:
            return
        level = [each for each in inner if isinstance(each, (dict, list))]
    raise _FoundError("is nested too deeply")


def _check_texts(values: Iterable[Any]) -> None:
    for each in values:
        if isinstance(each, str) and not _is_text(each):
            raise _FoundError(f"has {brief(each)}, which is no text")


def _is_text(text: str) -> bool:
    """Return whether a string can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
