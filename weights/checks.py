"""Argument checks: one rule, one text, for every framework."""

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

from weights.arithmetic import Pair
from weights.errors import ArgumentError
from weights.limits import check_limit
from weights.text import brief

# Types of inputs and parameters, by NumPy's names.
FLOATING = ("float16", "bfloat16", "float32", "float64")


def integer(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`, or raise `ArgumentError`.

    >>> integer("c_out", 0, minimum=1)
    Traceback (most recent call last):
        ...
    weights.errors.ArgumentError: `c_out` must be an integer of at least 1, got 0
    """
    number = _integer(value)
    if number is None or number < minimum:
        raise ArgumentError(
            f"`{name}` must be an integer of at least {minimum}, got {brief(value)}"
        )
    check_limit(name, number, value)
    return number


def odd_integer(name: str, value: object) -> int:
    """Return `value` as a positive odd int, or raise `ArgumentError`."""
    return odd_pair(name, integer(name, value, minimum=1))[0]


def odd_or_zero(name: str, value: object) -> int:
    """Return `value` as 0 or a positive odd int, or raise `ArgumentError`."""
    number = integer(name, value, minimum=0)
    return number and odd_integer(name, number)


def pair(name: str, value: object, minimum: int) -> Pair:
    """Return `value`, an int or a (height, width) pair, as a pair of ints."""
    sizes: Sequence[Any] = (value, value)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        sizes = value
    height, width = map(_integer, sizes)
    if height is None or width is None:
        raise ArgumentError(
            f"`{name}` must be an integer or a pair of integers (height, width), got {brief(value)}"
        )
    got = _compact(height, width)
    if min(height, width) < minimum:
        raise ArgumentError(f"`{name}` must be at least {minimum}, got {brief(got)}")
    check_limit(name, max(height, width), got)
    return height, width


def odd_pair(name: str, value: object) -> Pair:
    """Return `value`, an odd int or a (height, width) pair of such, as a pair of ints."""
    height, width = pair(name, value, minimum=1)
    if height % 2 == 0 or width % 2 == 0:
        got = _compact(height, width)
        raise ArgumentError(
            f"`{name}` must be odd, got {got}: an even kernel cannot keep the height and width"
        )
    return height, width


def boolean(name: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"`{name}` must be True or False, got {brief(value)}")
    return value


def number(
    name: str, value: object, minimum: float, maximum: float = math.inf, *, inclusive: bool = False
) -> float:
    """Return `value` as a finite float above (or `inclusive` of) `minimum`, at most `maximum`."""
    above = "of at least" if inclusive else "above"
    number = _finite(value)
    if number is None or not minimum <= number <= maximum or (number == minimum and not inclusive):
        limit = "" if math.isinf(maximum) else f" and at most {maximum}"
        raise ArgumentError(
            f"`{name}` must be a finite number {above} {minimum}{limit}, got {brief(value)}"
        )
    check_limit(name, number, value)
    return number


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the `allowed` strings."""
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(f"`{name}` must be one of {', '.join(allowed)}, got {brief(value)}")
    return str(value)


def number_among(name: str, value: object, allowed: Sequence[int]) -> int:
    """Return `value` as an int if it is one of the `allowed` integers."""
    number = _integer(value)
    if number is None or number not in allowed:
        known = ", ".join(map(str, allowed))
        raise ArgumentError(f"`{name}` must be one of {known}, got {brief(value)}")
    return number


def divides(name: str, divisor: int, of: str, value: int) -> None:
    """Check that `divisor` divides `value`."""
    if value % divisor:
        raise ArgumentError(f"`{name}` must divide {of}, got {divisor} for {value}")


def ratio(name: str, value: object) -> int | float:
    """Return `value`, a finite number above 0, as an int where it is integral."""
    return plain_number(number(name, value, minimum=0))


def plain_number(value: float) -> int | float:
    """Return an integral float as an int, so that 2 and 2.0 are the same configuration."""
    return int(value) if float(value).is_integer() else float(value)


def floating(what: str, dtype: str) -> None:
    """Raise `ArgumentError` for a type, by NumPy's name, that is none of `FLOATING`."""
    if dtype not in FLOATING:
        raise ArgumentError(f"{what} must be of type {', '.join(FLOATING)}, got {dtype}: cast it")


def plain_pair(value: Pair) -> int | list[int]:
    """Return a pair as JSON writes it: one int where both are equal, else a list."""
    return value[0] if value[0] == value[1] else list(value)


def _compact(height: int, width: int) -> int | Pair:
    return height if height == width else (height, width)


def _integer(value: Any) -> int | None:
    """Return an integer of any type as an int; None for anything else."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:  # an array of several numbers has `__index__` too
        return None


def _finite(value: Any) -> float | None:
    """Return a real number as a finite float; None for anything else."""
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
