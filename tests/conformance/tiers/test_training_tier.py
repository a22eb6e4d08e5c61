"""Training steps that are none: whatever an implementation returns, the tier has a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import Status, Verdict
from conformance.cases.case import STEP, Case
from conformance.faults import FAULTS, Fault
from conformance.implementations.local import LocalImplementation
from conformance.mutants import Mutant
from conformance.mutants.mutant import MutantImplementation
from conformance.oracle import adapter
from conformance.running.runner import judge
from conformance.tiers import RandomTier, Settings, Tier, TrainingTier

GRAD = "primary_conv.0.weight"


class Gradients:
    """The oracle in float32, whose steps have other gradients."""

    def __init__(self, grads: Any, *arguments: Any) -> None:
        self.whole, self.grads = adapter.build(*arguments), grads

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> Any:
        return self.whole.train_step(x, output_cotangent) | {"grads": self.grads}


def judged(grads: Any, tier: Tier, case: Case) -> Verdict:
    def build(*arguments: Any) -> Gradients:
        return Gradients(grads, *arguments)

    return judge(tier, case, LocalImplementation("gradients", build))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grads", "status", "message"),
    [
        ([], Status.FAIL, "grads must map names to arrays"),
        (1.0, Status.FAIL, "grads must map names to arrays"),
        ({GRAD: 1.0}, Status.FAIL, f"grad of {GRAD}: the output has shape ()"),
        ({GRAD: {}}, Status.ERROR, "the result must be an array of numbers, got dict"),
        ({GRAD: None}, Status.ERROR, "the result must be an array of numbers, got NoneType"),
        ({GRAD: "none"}, Status.ERROR, "the result must be an array of numbers, got an array of"),
    ],
)
def test_gradients_that_are_none_are_the_implementations_fault(
    grads: Any, status: Status, message: str
) -> None:
    tier = TrainingTier()
    verdict = judged(grads, tier, tier.cases()[0])

    assert verdict.status is status
    assert message in verdict.message


@pytest.mark.slow
def test_so_they_are_in_a_step_of_a_random_layer() -> None:
    tier = RandomTier(Settings(random=5))
    case = next(case for case in tier.cases() if STEP in case.tags)

    assert judged([], tier, case).message == "grads must map names to arrays"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "hint"), [(FAULTS, "explained by: 1 - momentum for momentum"), ((), "")]
)
def test_a_step_of_a_random_layer_is_explained_by_the_suspects_of_its_tier(
    faults: tuple[Fault, ...], hint: str
) -> None:
    tier = RandomTier(Settings(random=30))
    tier.suspects.faults = faults
    case = next(c for c in tier.cases() if STEP in c.tags and c.data == "normal")
    fault = next(each for each in FAULTS if each.name == "momentum-convention")

    verdict = judge(tier, case, MutantImplementation(Mutant.of(fault)))

    assert (verdict.status, verdict.hint) == (Status.FAIL, hint)
