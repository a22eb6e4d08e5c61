"""Hints at usual faults: the right one, or none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from conformance.faults import FAULTS, Fault
from conformance.implementations.local import LocalImplementation
from conformance.implementations.registry import ORACLE, load
from conformance.judging.explanations import Suspects
from conformance.judging.verdict import Outcome, Status, Verdict
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.mutant import MutantImplementation
from conformance.running.runner import judge
from conformance.tiers import OracleTier, make_tiers

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
    "padded-with-ones": "",
}


@cache
def tier_of(name: str) -> OracleTier:
    (tier,) = make_tiers(names=[name])
    assert isinstance(tier, OracleTier)
    return tier


def failures(mutant: Mutant) -> list[Verdict]:
    tier = tier_of(mutant.tier)
    tier.suspects = Suspects()
    implementation = MutantImplementation(mutant)
    wanted = CASES[mutant.tier]
    cases = [each for each in tier.cases() if each.id.startswith(wanted)]
    assert cases
    verdicts = [judge(tier, case, implementation) for case in cases]
    return [verdict for verdict in verdicts if verdict.status is Status.FAIL]


def explanations(mutant: Mutant) -> set[str]:
    parts = [part for verdict in failures(mutant) for part in verdict.hint.split("; ")]
    prefix = "explained by: "
    return {part.removeprefix(prefix) for part in parts if part.startswith(prefix)}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_usual_fault_is_named(fault: Fault) -> None:
    found = explanations(Mutant.of(fault))

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
    assert explanations(mutant) <= {SAME.get(mutant.name, "")}


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
    tier.suspects = Suspects()
    case = next(each for each in tier.cases() if each.id.startswith(CASES["module"][2]))
    verdict = judge(tier, case, Noisy(size))

    assert verdict.status is Status.FAIL
    assert verdict.hint == ""


def test_a_last_bit_has_no_hint() -> None:
    from conformance.judging.compare import compare_arrays

    wanted = np.random.default_rng(0).normal(size=(2, 6, 5, 5))
    got = wanted.copy()
    got[:, 4] = np.nextafter(got[:, 4].astype(np.float32), np.float32(np.inf))

    assert compare_arrays(got, wanted, 0.0, c_int=3).hint == ""


def test_one_wrong_element_has_no_pattern() -> None:
    from conformance.judging.compare import compare_arrays

    wanted = np.random.default_rng(0).normal(size=(2, 6, 5, 5))
    got = wanted.copy()
    got[0, 4, 0, 0] += 1

    assert compare_arrays(got, wanted, 1e-6, c_int=3).hint == ""


def test_what_passes_is_not_explained() -> None:
    passed = Outcome.passed(0.5)

    assert Suspects().explain(passed, "mine", {}, None, lambda change: {}) is passed
