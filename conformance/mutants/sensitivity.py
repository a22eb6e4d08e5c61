"""The smallest error of one element that each tier fails, found by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from conformance.cases.case import Case
from conformance.implementations.local import LocalImplementation
from conformance.implementations.registry import ORACLE, load
from conformance.judging.verdict import Status
from conformance.mutants.selftest import quick_tier
from conformance.running.runner import judge
from conformance.tiers import VECTOR_TIERS, Tier
from weights import configure

# Errors between which the smallest is searched for, and how many halvings of their exponents.
LEAST, MOST = 1e-8, 1.0
HALVINGS = 12

Place = tuple[str, ...]


@dataclass(frozen=True)
class Sensitivity:
    """The smallest relative error of one element of a tensor that a tier fails.

    `smallest` is that of the case which sees most, `usual` the median over all cases; None where
    none is seen, as of a gradient that is rounding alone.
    """

    tier: str
    tensor: str
    smallest: float | None
    usual: float | None
    cases: int


def measured() -> Iterator[Sensitivity]:
    """The sensitivity of every tier that compares numbers, to every kind of tensor."""
    for name in VECTOR_TIERS:
        tier, cases = quick_tier(name)
        found: dict[str, list[float]] = {}
        for case in cases:
            for tensor, error in of_case(tier, case):
                found.setdefault(tensor, []).append(error)
        for tensor, errors in found.items():
            smallest, usual = _seen(min(errors)), _seen(median(errors))
            yield Sensitivity(name, tensor, smallest, usual, len(errors))


def _seen(error: float) -> float | None:
    return error if math.isfinite(error) else None


class Recorded(LocalImplementation):
    """The oracle in float32, which computes a result once and then gives it with one edit."""

    def __init__(self) -> None:
        super().__init__(ORACLE, load(ORACLE)[0])
        self.result: Any = None
        self.places: list[tuple[Place, np.ndarray]] = []
        self.edit: Callable[[Any], Any] = lambda result: result

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        if self.result is None:
            found = super()._request(request, arguments)
            # Of the stages of a network the last one, which stands for all.
            last = {name: found[name] for name in list(found)[-1:]} if request == "taps" else {}
            self.places = list(_arrays(last or found))
            self.result = found
        return self.edit(self.result)


def of_case(tier: Tier, case: Case) -> Iterator[tuple[str, float]]:
    """Every kind of tensor that a case judges, and the smallest error of it that fails."""
    implementation = Recorded()
    if judge(tier, case, implementation).status is not Status.PASS:
        return
    for place, array in implementation.places:
        at = _largest(array)
        if at is not None:
            yield _kind(case, place), _smallest(tier, case, implementation, place, at)


def _smallest(
    tier: Tier, case: Case, implementation: Recorded, place: Place, at: tuple[int, ...]
) -> float:
    """The least e for which a tier fails the element times 1 + e; infinite where none does."""

    def fails(error: float) -> bool:
        implementation.edit = lambda result: _scaled(result, place, at, error)
        return judge(tier, case, implementation).status is Status.FAIL

    low, high = math.log(LEAST), math.log(MOST)
    if not fails(MOST):
        return math.inf
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fails(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _arrays(result: Any, place: Place = ()) -> Iterator[tuple[Place, np.ndarray]]:
    """The arrays of a result, which may be mappings of arrays, and where each stands."""
    if isinstance(result, np.ndarray):
        yield place, result
    elif isinstance(result, Mapping):
        for name, each in result.items():
            yield from _arrays(each, (*place, name))


def _scaled(result: Any, place: Place, at: tuple[int, ...], error: float) -> Any:
    if place:
        name, *rest = place
        return {**result, name: _scaled(result[name], tuple(rest), at, error)}
    array = result.copy()
    array[at] *= 1 + error
    return array


def _largest(array: np.ndarray) -> tuple[int, ...] | None:
    """The place of the largest finite element, None where there is none beside 0."""
    sizes = np.where(np.isfinite(array), np.abs(array), 0)
    at = np.unravel_index(sizes.argmax(), array.shape)
    return tuple(map(int, at)) if 0 < sizes[at] < np.finfo(array.dtype).max / 2 else None


def _kind(case: Case, place: Place) -> str:
    """What a tensor is: its kind of those of a weight file, or a result."""
    kinds = {spec.name: spec.kind for spec in configure(case.architecture, case.config).tensors()}
    match place:
        case ("grads", name):
            return f"gradient of {kinds[name]}"
        case ("state", name):
            return kinds[name]
        case ("grad_input",):
            return "gradient of the input"
        case _:
            return "output"


def as_rows() -> list[dict[str, Any]]:
    """The same, as JSON writes it."""
    return [asdict(each) for each in measured()]
