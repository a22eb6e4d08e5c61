"""Hints that a usual fault explains an answer: the oracle with the fault gives the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.faults import FAULTS, Change, Fault
from conformance.judging.hints import Compared
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome, Status

# Runs the oracle in float64 with a change of its module.
Run = Callable[[Change], Tensors]

# How many times the error allowed to the right answer a fault may leave: its own answer may be
# larger on the way.
LEFT = 4.0
# How many times smaller than without the fault the error must become, and than with another fault.
BETTER, CLEARER = 16.0, 2.0
# A few roundings in float32.
ROUNDING = 2.0**-22
HUGE = 1e100
# After so many failures that nothing explained, only what explained others is tried.
VAIN = 10
# What a change of layers may raise on data or shapes that it is not for.
NOT_MADE_FOR = (ArithmeticError, AttributeError, IndexError, TypeError, ValueError)


@dataclass
class _Tried:
    """The faults that explained failures of an implementation, and how many none explained."""

    known: list[Fault] = field(default_factory=list)
    vain: int = 0


class Suspects:
    """The usual faults, tried on failures; the same fault is tried first on the next.

    An answer is explained by a fault with which no element is further off than roundings are, and
    by no other nearly as well.
    """

    def __init__(self, faults: Sequence[Fault] = FAULTS) -> None:
        self._faults = faults
        self._tried: dict[str, _Tried] = {}

    def explain(
        self, outcome: Outcome, name: str, got: Mapping[str, Any], wanted: Reference, run: Run
    ) -> Outcome:
        """The outcome with what explains a failure of the implementation `name`, if anything does.

        `got` are its arrays, `wanted` the right ones, `run` runs the oracle with a change.
        """
        if outcome.status is not Status.FAIL or outcome.worst is None:
            return outcome
        tried = self._tried.setdefault(name, _Tried())
        fault = next(iter(_fitting(tried.known, got, wanted, run)), None)
        if fault is None and tried.vain < VAIN:
            fault = _clearest(list(_fitting(self._faults, got, wanted, run)))
            tried.vain += fault is None
            tried.known += [] if fault is None else [fault[1]]
        if fault is None:
            return outcome
        parts = filter(None, (f"explained by: {fault[1].description}", outcome.hint))
        return replace(outcome, hint="; ".join(parts))


Fit = tuple[float, Fault]


def _clearest(fits: list[Fit]) -> Fit | None:
    """The fault that leaves the least error, unless another leaves hardly more."""
    ordered = sorted(fits, key=lambda fit: fit[0])
    is_clear = ordered and all(error >= CLEARER * ordered[0][0] for error, _ in ordered[1:])
    return ordered[0] if is_clear else None


def _fitting(
    faults: Iterable[Fault], got: Mapping[str, Any], wanted: Reference, run: Run
) -> Iterator[Fit]:
    """The faults that explain the arrays, and the share of the error that each leaves."""
    for fault in faults:
        with suppress(*NOT_MADE_FOR), np.errstate(all="ignore"):
            left = _left(got, wanted, run(fault.change))
            if left * BETTER <= 1:
                yield left, fault


def _left(got: Mapping[str, Any], wanted: Reference, faulty: Tensors) -> float:
    """The error that a fault leaves, by the error without it; infinite where one is beyond LEFT."""
    left = without = 0.0
    for name in got.keys() & wanted.values.keys():
        right, wrong, found = wanted.values[name], faulty[name], np.asarray(got[name], np.float64)
        if wrong.shape != found.shape:
            return np.inf
        growth = max(1.0, _size(wrong) / max(_size(right), np.finfo(float).tiny))
        allowed = np.broadcast_to(wanted.allowed[name], right.shape)
        # Where the right answer is exact, that of a fault need not be.
        compared = Compared(found, wrong, np.maximum(allowed * growth, ROUNDING * _size(wrong)))
        if compared.ratios().max(initial=0) > LEFT:
            return np.inf
        scale = float(np.mean(allowed)) or 1.0
        left += _mean_square(compared.errors() / scale)
        without += _mean_square(Compared(found, right, allowed).errors() / scale)
    return float(np.sqrt(left / without)) if without else np.inf


def _size(array: np.ndarray) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _mean_square(errors: np.ndarray) -> float:
    """Of the finite ones: NaN and infinity spread alike from many faults."""
    return float(np.mean(np.where(errors < HUGE, errors, 0) ** 2))
