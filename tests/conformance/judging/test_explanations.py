"""Hints at usual faults: the right one, or none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from conformance.faults import FAULTS, Fault
from conformance.implementations.local import LocalImplementation
from conformance.implementations.registry import ORACLE, load
from conformance.judging.explanations import EXPLAINED
from conformance.judging.verdict import Status, Verdict
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.mutant import MutantImplementation
from conformance.running.runner import judge
from conformance.tiers import OracleTier, make_tiers
from tests.conformance.convicted import convicted

SLOW, MATRIX = pytest.mark.slow, pytest.mark.matrix
# Cases that tell one fault from the others, by their beginnings.
CASES = {
    "exact": ("k3-s1-p1-r5", "k3-s2-p1-r2-dw3-c3x16-10x10", "k3-s1-p1-r2-dw3-c8x14-6x6-n2-relu6",
              "k1-s1-p0-r2-dw3-c8x16-8x8"),
    "module": ("ultralytics-k3x3-s2-p1x1-r2-dw5-c32x64-9x8-n8-floor-silu-normal",
               "k3-s1-p1-r2-dw3-c8x14-6x6-n2-hard_swish-normal",
               "k3-s1-p1-r2-dw3-c3x16-9x7-n2-normal"),
    "training": ("k3-s1-p1-r2-dw3-c3x16-9x7-n2-normal",),
}  # fmt: skip
# Faults without a hint, and why.
SILENT = {
    "eps-0": "beside a variance of 1 it is like the next ones",
    "eps-1e-12": "likewise",
    "eps-1e-08": "likewise",
}
# Of a layer whose primary kernel is 1x1, the fault of one kernel is that of all.
AS_WELL = {"transposed": {"cheap kernel: rows for columns"}, "mirrored": {"cheap kernel mirrored"}}
# Mutants that are a usual fault in the cases here.
SAME = {
    "reflected-padding": "the border is repeated, not zero",
    "stores-biased-above-200": "the biased variance is stored",
    "one-image-by-running": "running statistics normalise in training",
}


@cache
def tier_of(name: str) -> OracleTier:
    (tier,) = make_tiers(names=[name])
    assert isinstance(tier, OracleTier)
    return tier


def failures(mutant: Mutant, convicting: str = "") -> list[Verdict]:
    """The failures of the few cases, and of one that convicts the mutant."""
    tier = tier_of(mutant.tier)
    implementation = MutantImplementation(mutant)
    few = CASES[mutant.tier]
    cases = [each for each in tier.cases() if each.id.startswith(few) or each.id == convicting]
    assert len(cases) >= len(few)
    verdicts = [judge(tier, case, implementation) for case in cases]
    return [verdict for verdict in verdicts if verdict.status is Status.FAIL]


def explanations(failed: list[Verdict]) -> set[str]:
    parts = [part for verdict in failed for part in verdict.hint.split("; ")]
    return {part.removeprefix(EXPLAINED) for part in parts if part.startswith(EXPLAINED)}


@pytest.mark.parametrize(
    "fault",
    [
        # The matrix asks for those between.
        pytest.param(fault, id=fault.name, marks=SLOW if number % 4 == 0 else MATRIX)
        for number, fault in enumerate(FAULTS)
    ],
)
def test_a_usual_fault_is_named(fault: Fault) -> None:
    failed = failures(Mutant.of(fault))
    assert failed
    found = explanations(failed)

    wanted = set() if fault.name in SILENT else {fault.description}
    assert found - AS_WELL.get(fault.name, set()) == wanted


OTHERS = [
    mutant
    for mutant in MUTANTS
    if mutant.tier in CASES and mutant.name not in {fault.name for fault in FAULTS}
]


@pytest.mark.matrix
@pytest.mark.parametrize("mutant", OTHERS, ids=lambda mutant: mutant.name)
def test_another_defect_is_not_taken_for_a_usual_fault(mutant: Mutant) -> None:
    convicting = convicted(mutant.name).verdict
    assert convicting is not None
    # Of the few cases none may fail, and of no failure there is nothing to explain.
    failed = failures(mutant, convicting.case)

    assert failed
    assert explanations(failed) <= {SAME.get(mutant.name, "")}


class Noisy(LocalImplementation):
    """The oracle in float32 with noise of a relative size."""

    def __init__(self, size: float) -> None:
        super().__init__(f"noisy-{size}", load(ORACLE)[0])
        self._size = size

    def call(self, model: object, x: np.ndarray) -> np.ndarray:
        out = super().call(model, x)
        noise = np.random.default_rng(0).uniform(-1, 1, out.shape) * self._size
        return (out * (1 + noise)).astype(out.dtype)


@pytest.mark.parametrize("size", [1e-5, 1e-3, 0.1, 10.0])
def test_noise_is_not_explained(size: float) -> None:
    tier = tier_of("module")
    case = next(each for each in tier.cases() if each.id.startswith(CASES["module"][2]))
    verdict = judge(tier, case, Noisy(size))

    assert verdict.status is Status.FAIL
    assert verdict.hint == ""


@pytest.mark.parametrize(
    ("wanted", "explained"),
    [
        ("k3-s1-p1-r2-dw3-c3x16-9x7-n2-normal", True),
        ("k3-s1-p1-r2-dw3-c3x16-9x7-n2-wide", False),  # it would fail with the others as well
    ],
)
def test_a_usual_fault_is_looked_for_with_data_that_tell(wanted: str, explained: bool) -> None:
    tier = tier_of("module")
    case = next(each for each in tier.cases() if each.id == wanted)
    fault = next(each for each in FAULTS if each.name == "interleaved")
    verdict = judge(tier, case, MutantImplementation(Mutant.of(fault)))

    assert verdict.status is Status.FAIL
    assert verdict.hint.startswith(EXPLAINED) == explained


def test_a_hint_is_that_of_a_case_whatever_was_judged_before() -> None:
    tier = tier_of("exact")
    implementation = MutantImplementation(
        Mutant.of(next(f for f in FAULTS if f.name == "mirrored"))
    )
    cases = [each for each in tier.cases() if each.id.startswith(CASES["exact"])]
    forwards, backwards = (
        {each.id: judge(tier, each, implementation).hint for each in order}
        for order in (cases, cases[::-1])
    )

    assert forwards == backwards
    assert len(set(forwards.values())) > 1
