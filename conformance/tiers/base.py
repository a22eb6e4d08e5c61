"""What a tier offers to the runner, and the oracle's part that tiers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from conformance import bounds, tensors
from conformance.case import Case
from conformance.oracle import weights_io
from conformance.process import Implementation
from conformance.tensors import Tensors
from conformance.verdict import Outcome

Value = TypeVar("Value")


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


def truth(case: Case) -> bounds.Tracked:
    """The oracle's output for a GhostConv case, and the error allowed to each element."""
    weights, x = tensors.make(case)
    module = weights_io.build(case.architecture, case.config, in_float64(weights))
    return bounds.ghost_conv(module, x.astype(np.float64))
