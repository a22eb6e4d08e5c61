"""The suite checked by itself: every mutant is caught by its tier, every correct variant passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.judging.verdict import Status, Verdict
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.mutant import MutantImplementation
from conformance.mutants.variants import INVISIBLE, VARIANTS
from conformance.running.runner import judge
from conformance.tiers import VECTOR_TIERS, Tier, make_tiers

# The tier of sizes, in which an exception convicts a mutant as a failure does.
RAISES = "contract"


@dataclass(frozen=True)
class MutantResult:
    """A mutant, and the verdict that convicts it after so many cases; None where it survived."""

    mutant: Mutant
    verdict: Verdict | None
    cases: int


@dataclass(frozen=True)
class VariantResult:
    """A correct variant, the number of cases that it ran, and its failures, all false alarms."""

    variant: Mutant
    cases: int
    alarms: tuple[Verdict, ...]


def run_mutants(mutants: Iterable[Mutant] = MUTANTS) -> Iterator[MutantResult]:
    """Run each mutant through its tier until a case convicts it."""
    tiers = {tier.name: tier for tier in make_tiers()}
    for mutant in mutants:
        process = MutantImplementation(mutant)
        verdicts = []
        for verdict in _verdicts(tiers[mutant.tier], process):
            verdicts.append(verdict)
            if convicts(verdict):
                break
        found = verdicts[-1] if convicts(verdicts[-1]) else None
        yield MutantResult(mutant, found, len(verdicts))


def convicts(verdict: Verdict) -> bool:
    """True of a verdict that shows a defect: a failure, or in the tier of sizes an exception."""
    raises = verdict.tier == RAISES and verdict.status is Status.ERROR
    return verdict.status is Status.FAIL or raises


def run_variants(variants: Iterable[Mutant] = (*VARIANTS, INVISIBLE)) -> Iterator[VariantResult]:
    """Run each correct variant through every case of the tiers that it must pass."""
    tiers = make_tiers(names=VECTOR_TIERS)  # the others judge files and whole frameworks
    for variant in variants:
        process = MutantImplementation(variant)
        verdicts = [verdict for tier in tiers for verdict in _verdicts(tier, process)]
        ran = [verdict for verdict in verdicts if verdict.status is not Status.SKIP]
        yield VariantResult(variant, len(ran), tuple(verdict for verdict in ran if verdict.is_bad))


def _verdicts(tier: Tier, process: MutantImplementation) -> Iterator[Verdict]:
    return (judge(tier, case, process) for case in tier.cases())
