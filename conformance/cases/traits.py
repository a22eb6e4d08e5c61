"""Traits of cases: what may tell those that fail from those that pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import Any

from conformance.cases.case import DEFAULTS, SUFFIX_DEFAULTS, Case
from weights import ArgumentError, configure

Facts = Mapping[str, Any]
# The least and the largest value of each number.
Ranges = Mapping[str, tuple[float, float]]
AXES = ("batch", "channels", "height", "width")
ORDINARY = {**DEFAULTS, **SUFFIX_DEFAULTS}


def facts(case: Case) -> dict[str, Any]:
    """The arguments, the data and the sizes of a case, by name; of a pair the larger value.

    >>> case = Case("a", "exact", "ghost_conv", {"stride": [1, 2]}, (1, 3, 8, 8), "integers")
    >>> found = facts(case)
    >>> found["stride"], found["unequal stride"], found["groups"], found["height"]
    (2, True, 1, 8)
    """
    ordinary = ORDINARY if case.architecture == "ghost_conv" else {}
    found: dict[str, Any] = {}
    for name, value in {**ordinary, **case.config}.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if isinstance(value, bool):
            found |= {name: value, f"no {name}": not value}
        elif values and all(isinstance(each, Real) for each in values):
            found[name] = max(values) if len(values) > 1 else values[0]
            found[f"unequal {name}"] = len(set(values)) > 1
            found[f"even {name}"] = all(each % 2 == 0 for each in values)
        elif isinstance(value, str):
            found[name] = value
    own = {"architecture": case.architecture, "form": case.form, "data": case.data}
    return found | own | dict(zip(AXES, case.input_shape, strict=False))


def ranges(all_facts: Iterable[Facts]) -> dict[str, tuple[float, float]]:
    """The range of every number among the facts of several cases."""
    found: dict[str, tuple[float, float]] = {}
    for each in all_facts:
        for name, value in each.items():
            if _is_number(value):
                least, largest = found.get(name, (value, value))
                found[name] = (min(least, value), max(largest, value))
    return found


def traits(own: Facts, passed: Ranges) -> Iterator[str]:
    """The traits of a case in words, with thresholds at the ranges of the cases that passed.

    >>> list(traits({"stride": 2, "bias": True, "data": "wide"}, {"stride": (1, 1)}))
    ['stride above 1', 'bias', 'data wide']
    """
    for name, value in own.items():
        if not _is_number(value):
            if value is not False:
                yield name if value is True else f"{name} {value}"
            continue
        least, largest = passed.get(name, (value, value))
        for limit in dict.fromkeys((ORDINARY.get(name, largest), largest)):
            if value > limit:
                yield f"{name} above {limit:g}"
        if value < least:
            yield f"{name} below {least:g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def multiply_adds(case: Case) -> float:
    """The multiplications of a case; none where its arguments are refused."""
    images, *_, height, width = case.input_shape
    try:
        return images * configure(case.architecture, case.config).macs(height, width)
    except ArgumentError:
        return 0
