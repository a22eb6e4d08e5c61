"""What a tier offers to the runner, and the oracle's part that tiers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import NotSupported
from conformance.implementations.implementation import Implementation
from conformance.judging import bounds
from conformance.judging.verdict import Outcome
from conformance.oracle import weights_io

Value = TypeVar("Value")
# Data whose sums leave the range of float16, whatever comes out at the end.
BEYOND = ("wide", "large")


class Tier(Protocol):
    """A law and the cases that test it.

    A tier may also have `finish(processes, cases)`, which yields verdicts about all implementations
    together, `notes()`, lines for the end of the run, and `options()`, what the command line needs
    besides to run a case again.
    """

    name: str

    def cases(self) -> Sequence[Case]: ...

    def judge(self, case: Case, process: Implementation) -> Outcome: ...


class Once(Generic[Value]):
    """A function of a key, computed once however many threads ask; an error is kept as well."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._futures: dict[str, Future[Value]] = {}
        self._lock = Lock()

    def __call__(self, key: str, argument: Any) -> Value:
        with self._lock:
            known = key in self._futures
            future = self._futures.setdefault(key, Future())
        if not known:
            self._fill(future, argument)
        return future.result()

    def _fill(self, future: Future[Value], argument: Any) -> None:
        try:
            future.set_result(self._compute(argument))
        except BaseException as error:
            future.set_exception(error)


def in_float64(weights: Tensors) -> Tensors:
    """The same numbers with room for exact sums."""
    return {name: array.astype(np.float64) for name, array in weights.items()}


def check_range(process: Implementation, case: Case, wanted: np.ndarray) -> None:
    """Raise `NotSupported` where a case leaves the range of an implementation's numbers."""
    largest = process.precision.largest
    found = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
    if found > largest or (np.isfinite(largest) and case.data in BEYOND):
        raise NotSupported(f"its largest number is {largest:g}, and this case goes beyond")


def truth(request: tuple[Case, float]) -> bounds.Tracked:
    """The oracle's output for a GhostConv case, and the error allowed to each element."""
    case, unit = request
    weights, x = tensors.make(case)
    module = weights_io.build(case.architecture, case.config, in_float64(weights))
    return bounds.ghost_conv(module, x.astype(np.float64), unit)
