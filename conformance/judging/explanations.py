"""Hints that a usual fault explains an answer: the oracle with the fault gives the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.case import Case
from conformance.cases.model import make_model
from conformance.cases.tensors import Tensors
from conformance.cases.traits import multiply_adds
from conformance.faults import FAULTS, Fault
from conformance.faults.changes import changed
from conformance.judging.hints import Compared, largest_finite
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.oracle import weights_io

# Runs a changed module of the oracle in float64; gives the arrays that take little time first, and
# at last all of them.
Run = Callable[[Any], Iterator[Tensors]]

EXPLAINED = "explained by: "
# A usual fault shows with these data, and with so many multiplications, as with any others: there
# it is looked for, which takes some fifty runs of the oracle.
TELLING = ("integers", "normal", "scaled")
MOST_MACS = 2_000_000
# How many times the error allowed to the right answer a fault may leave: its own answer may be
# larger on the way.
LEFT = 4.0
# How many times smaller than without the fault the error must become, and than with another fault.
BETTER, CLEARER = 16.0, 2.0
# A few roundings in float32.
ROUNDING = 2.0**-22
HUGE, TINY = 1e100, np.finfo(float).tiny
# What a change of layers may raise on data or shapes that it is not for.
NOT_MADE_FOR = (ArithmeticError, AttributeError, IndexError, TypeError, ValueError)


class Suspects:
    """The usual faults, tried on each failure by itself, so that a hint is the same in every run.

    An answer is explained by a fault with which no element is further off than roundings are, and
    by no other nearly as well. Without `faults` nothing is tried, for who reads no hints.
    """

    def __init__(self, faults: Sequence[Fault] = FAULTS) -> None:
        self.faults = faults

    def explain(
        self, outcome: Outcome, case: Case, got: Mapping[str, Any], wanted: Reference, run: Run
    ) -> Outcome:
        """The outcome with what explains a failure, if anything does.

        `got` are its arrays, `wanted` the right ones, `run` gives those of a module with a fault.
        """
        if outcome.worst is None or not self.faults or not _tells(case):
            return outcome
        model, _ = make_model(case)
        module = weights_io.build(*model.astype(np.float64))
        fault = _clearest(list(_fitting(self.faults, module, got, wanted, run)))
        if fault is None:
            return outcome
        parts = filter(None, (EXPLAINED + fault[1].description, outcome.hint))
        return replace(outcome, hint="; ".join(parts))

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Try nothing in this context, whose hints nobody reads."""
        faults, self.faults = self.faults, ()
        try:
            yield
        finally:
            self.faults = faults


def _tells(case: Case) -> bool:
    return case.data in TELLING and multiply_adds(case) <= MOST_MACS


Fit = tuple[float, Fault]


def _clearest(fits: list[Fit]) -> Fit | None:
    """The fault that leaves the least error, unless another leaves hardly more."""
    ordered = sorted(fits, key=lambda fit: fit[0])
    is_clear = ordered and all(error >= CLEARER * ordered[0][0] for error, _ in ordered[1:])
    return ordered[0] if is_clear else None


def _fitting(
    faults: Iterable[Fault], module: Any, got: Mapping[str, Any], wanted: Reference, run: Run
) -> Iterator[Fit]:
    """The faults that explain the arrays, and the share of the error that each leaves."""
    for fault in faults:
        with suppress(*NOT_MADE_FOR), np.errstate(all="ignore"):
            left = _left(got, wanted, run(changed(module, fault.change)))
            if left * BETTER <= 1:
                yield left, fault


def _left(got: Mapping[str, Any], wanted: Reference, runs: Iterable[Tensors]) -> float:
    """The error that a fault leaves, by the error without it; infinite where one is beyond LEFT."""
    faulty: Tensors = {}
    for faulty in runs:
        if not _fits(got, wanted, faulty):
            return np.inf
    left = without = 0.0
    for name in wanted.values:
        if name in got:
            right, found = wanted.values[name], np.asarray(got[name], np.float64)
            allowed = np.broadcast_to(wanted.allowed[name], right.shape)
            scale = float(np.mean(allowed)) or 1.0
            left += _mean_square(Compared(found, faulty[name], allowed).errors() / scale)
            without += _mean_square(Compared(found, right, allowed).errors() / scale)
    return float(np.sqrt(left / without)) if without else np.inf


def _fits(got: Mapping[str, Any], wanted: Reference, faulty: Tensors) -> bool:
    """Whether no element is further off the answer of a fault than LEFT allows."""
    for name in wanted.values:
        if name not in got or name not in faulty:
            continue
        right, wrong, found = wanted.values[name], faulty[name], np.asarray(got[name], np.float64)
        if wrong.shape != found.shape:
            return False
        growth = max(1.0, largest_finite(wrong) / max(largest_finite(right), TINY))
        allowed = np.broadcast_to(wanted.allowed[name], right.shape)
        # Where the right answer is exact, as where an activation cuts it, a fault's need not be.
        allowed = np.where(allowed > 0, allowed, largest_finite(allowed))
        allowed = np.maximum(allowed * growth, ROUNDING * largest_finite(wrong))
        if Compared(found, wrong, allowed).ratios().max(initial=0) > LEFT:
            return False
    return True


def _mean_square(errors: np.ndarray) -> float:
    """Of the finite ones: NaN and infinity spread alike from many faults."""
    return float(np.mean(np.where(errors < HUGE, errors, 0) ** 2))
