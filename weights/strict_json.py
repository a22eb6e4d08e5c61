"""Strict JSON: no name twice, no NaN or infinity, and a bounded depth."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from weights.text import brief

DEEPEST = 32


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text; raises `ValueError` with a predicate of the text.

    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    ValueError: has 'a' twice
    """
    value = parse(text)
    _check(value)
    return value


def parse(text: str | bytes) -> Any:
    """Return the same without checks of depth and values, for a caller that checks every value."""
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except _FoundError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError:
        raise ValueError("is not JSON") from None


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
    """Raise `ValueError` for values that JSON can spell and no program can write again."""
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += [*each, *each.values()]
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str) and not is_text(each):
                raise ValueError(f"has {brief(each)}, which is no text")
            elif isinstance(each, float) and not math.isfinite(each):
                raise ValueError("has a number that is too large")
        if not inner:
            return
        level = inner
    raise ValueError("is nested too deeply")


def is_text(text: str) -> bool:
    """Return whether a string can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
