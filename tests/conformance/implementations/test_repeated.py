"""Every output asked for twice: the same bits, and what compilation took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import Status
from conformance.cases.model import make_model
from conformance.implementations.errors import ImplementationRaised
from conformance.implementations.local import LocalImplementation
from conformance.judging.verdict import Verdict
from conformance.oracle import adapter
from conformance.running.results import Run, timings
from conformance.tiers import ModuleTier

CASE = ModuleTier().cases()[0]


class Wavers:
    """Its second output differs by one bit."""

    def __init__(self, *description: Any) -> None:
        self.right = adapter.build(*description)
        self.calls = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        out = self.right(x)
        self.calls += 1
        out.view(np.uint32).flat[0] ^= self.calls > 1
        return out


def ask(build: Any, *, repeat: bool) -> np.ndarray:
    process = LocalImplementation("local", build, repeat=repeat)
    return process.call(*make_model(CASE))


def test_an_output_that_wavers_by_a_bit_is_an_error() -> None:
    with pytest.raises(ImplementationRaised, match="it gave other bits when it was called again"):
        ask(Wavers, repeat=True)


def test_an_output_that_does_not_waver_passes() -> None:
    assert ask(adapter.build, repeat=True).tobytes() == ask(Wavers, repeat=False).tobytes()


def test_compilation_is_what_the_first_time_took_beyond_the_second() -> None:
    verdicts = [
        Verdict(Status.PASS, seconds=3.0, case="a", tier="module", implementation="mine"),
        Verdict(Status.PASS, seconds=5.0, case="b", tier="module", implementation="mine"),
    ]
    repeated = Run(verdicts, {"mine": {}}, 9.0, outputs={"mine": (5.0, 1.0)})
    once = Run(verdicts, {"mine": {}}, 9.0, outputs={"mine": (5.0, 0.0)})

    (timing,), (without,) = timings(repeated), timings(once)

    assert (timing.seconds, timing.speed, timing.compilation) == (8.0, 0.25, 0.5)
    assert without.compilation is None
