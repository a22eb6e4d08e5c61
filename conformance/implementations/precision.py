"""The precision of an implementation: float32, unless its module declares another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from weights import ArgumentError

UNIT_ROUNDOFF = 2.0**-24
# bfloat16's: with fewer bits the bounds are so wide that any result passes.
COARSEST = 2.0**-8
# float16's largest number: of less range, most cases would be skipped.
LEAST_RANGE = 65504.0


@dataclass(frozen=True)
class Precision:
    """Unit roundoff and largest number of an arithmetic; raises `ArgumentError` for others.

    >>> str(Precision(2.0**-11, 65504.0)), str(Precision())
    ('unit roundoff 2^-11, up to 65504', '')
    """

    unit_roundoff: float = UNIT_ROUNDOFF
    largest: float = math.inf

    def __post_init__(self) -> None:
        _check("unit_roundoff", self.unit_roundoff, 0 < self.unit_roundoff <= COARSEST,
               "above 0 and at most 2**-8, bfloat16's")  # fmt: skip
        _check("largest", self.largest, self.largest >= LEAST_RANGE,
               "at least 65504, float16's")  # fmt: skip

    def __str__(self) -> str:
        mantissa, exponent = math.frexp(self.unit_roundoff)
        unit = f"2^{exponent - 1}" if mantissa == 0.5 else f"{self.unit_roundoff:.3g}"
        parts = [f"unit roundoff {unit}"] if self.unit_roundoff != UNIT_ROUNDOFF else []
        parts += [f"up to {self.largest:g}"] if self.largest < math.inf else []
        return ", ".join(parts)


def read_precision(table: Any, function: str) -> Precision:
    """The entry of `table`, the `PRECISIONS` of a module, for one of its functions.

    Raises `ArgumentError` where the table is none, or the numbers are.
    """
    entry = table.get(function, {}) if isinstance(table, Mapping) else None
    names = [field.name for field in fields(Precision)]
    if not isinstance(entry, Mapping) or not all(name in names for name in entry):
        raise ArgumentError(
            f"PRECISIONS must map function names to numbers called {', '.join(names)}, as in "
            f'{{"{function}": {{"unit_roundoff": 2**-8}}}}'
        )
    for name, value in entry.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise ArgumentError(
                f"PRECISIONS: `{name}` must be a number, got a {type(value).__name__}"
            )
    return Precision(**{name: float(value) for name, value in entry.items()})


def _check(name: str, value: float, is_right: bool, rule: str) -> None:
    if not is_right:
        raise ArgumentError(f"PRECISIONS: `{name}` must be {rule}, got {value:g}")
