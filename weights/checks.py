"""Argument checks: one rule, one text, for every framework."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

from weights.arithmetic import Pair
from weights.errors import ArgumentError

# Types of inputs and parameters, by NumPy's names.
FLOATING = ("float16", "bfloat16", "float32", "float64")


def integer(name: str, value: Any, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`, or raise `ArgumentError`.

    >>> integer("c_out", 0, minimum=1)
    Traceback (most recent call last):
        ...
    weights.errors.ArgumentError: `c_out` must be an integer of at least 1, got 0
    """
    if not _is_integer(value) or operator.index(value) < minimum:
        raise ArgumentError(f"`{name}` must be an integer of at least {minimum}, got {value!r}")
    return operator.index(value)


def odd_integer(name: str, value: Any) -> int:
    """Return `value` as a positive odd int, or raise `ArgumentError`."""
    number = integer(name, value, minimum=1)
    if number % 2 == 0:
        raise ArgumentError(
            f"`{name}` must be odd, got {number}: an even kernel cannot keep the height and width"
        )
    return number


def pair(name: str, value: Any, minimum: int) -> Pair:
    """Return `value`, an int or a (height, width) pair, as a pair of ints."""
    if _is_integer(value):
        value = (value, value)
    is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_sequence or len(value) != 2 or not all(_is_integer(item) for item in value):
        raise ArgumentError(
            f"`{name}` must be an integer or a pair of integers (height, width), got {value!r}"
        )
    height, width = (operator.index(item) for item in value)
    if min(height, width) < minimum:
        raise ArgumentError(f"`{name}` must be at least {minimum}, got {_compact(height, width)!r}")
    return height, width


def odd_pair(name: str, value: Any) -> Pair:
    """Return `value`, an odd int or a (height, width) pair of such, as a pair of ints."""
    height, width = pair(name, value, minimum=1)
    if height % 2 == 0 or width % 2 == 0:
        raise ArgumentError(
            f"`{name}` must be odd, got {_compact(height, width)!r}: an even kernel cannot keep "
            "the height and width"
        )
    return height, width


def boolean(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"`{name}` must be True or False, got {value!r}")
    return value


def number(
    name: str, value: Any, minimum: float, maximum: float = math.inf, *, inclusive: bool = False
) -> float:
    """Return `value` as a finite float above (or `inclusive` of) `minimum`, at most `maximum`."""
    above = "of at least" if inclusive else "above"
    if not _is_finite(value) or not _within(value, minimum, maximum, inclusive):
        limit = "" if math.isinf(maximum) else f" and at most {maximum}"
        raise ArgumentError(
            f"`{name}` must be a finite number {above} {minimum}{limit}, got {value!r}"
        )
    return float(value)


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the `allowed` strings."""
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(f"`{name}` must be one of {', '.join(allowed)}, got {value!r}")
    return str(value)


def divides(name: str, divisor: int, of: str, value: int) -> None:
    """Check that `divisor` divides `value`."""
    if value % divisor:
        raise ArgumentError(f"`{name}` must divide {of}, got {divisor} for {value}")


def plain_number(value: float) -> int | float:
    """An integral float as an int, so that 2 and 2.0 are the same configuration."""
    return int(value) if float(value).is_integer() else float(value)


def floating(what: str, dtype: str) -> None:
    """Raise `ArgumentError` for a type, by NumPy's name, in which nobody computes."""
    if dtype not in FLOATING:
        raise ArgumentError(f"{what} must be of type {', '.join(FLOATING)}, got {dtype}: cast it")


def plain_pair(value: Pair) -> int | list[int]:
    """A pair as JSON writes it: one int where both are equal, else a list."""
    return value[0] if value[0] == value[1] else list(value)


def _compact(height: int, width: int) -> int | Pair:
    return height if height == width else (height, width)


def _is_integer(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _within(value: float, minimum: float, maximum: float, inclusive: bool) -> bool:
    return (minimum < value or (inclusive and value == minimum)) and value <= maximum
