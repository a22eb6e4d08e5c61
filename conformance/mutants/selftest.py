"""The suite checked by itself: every mutant is caught by its tier, every correct variant passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.implementations.local import LocalImplementation
from conformance.judging.verdict import Status, Verdict
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.variants import INVISIBLE, VARIANTS
from conformance.running.runner import judge
from conformance.tiers import VECTOR_TIERS, Tier, make_tiers

# An exception is as good as a failure only where sizes are at stake.
RAISES = "contract"
# Of whole numbers an ulp is seen.
INEXACT = {"an-ulp-off": ("exact",)}


@dataclass(frozen=True)
class MutantResult:
    """A mutant, and the verdict that convicts it; None where it survived its tier."""

    mutant: Mutant
    verdict: Verdict | None
    cases: int


@dataclass(frozen=True)
class VariantResult:
    """A correct variant, how many cases it ran, and those that it was failed in."""

    variant: Mutant
    cases: int
    alarms: tuple[Verdict, ...]


def run_mutants(mutants: Iterable[Mutant] = MUTANTS) -> Iterator[MutantResult]:
    """Run each mutant through its tier until a case convicts it."""
    tiers = {tier.name: tier for tier in make_tiers()}
    for mutant in mutants:
        process = LocalImplementation(mutant.name, mutant.build)
        verdicts = []
        for verdict in _verdicts(tiers[mutant.tier], process):
            verdicts.append(verdict)
            if convicts(verdict):
                break
        found = verdicts[-1] if convicts(verdicts[-1]) else None
        yield MutantResult(mutant, found, len(verdicts))


def convicts(verdict: Verdict) -> bool:
    """Whether a verdict names a defect: a failure, or of sizes an exception."""
    raises = verdict.tier == RAISES and verdict.status is Status.ERROR
    return verdict.status is Status.FAIL or raises


def run_variants(variants: Iterable[Mutant] = (*VARIANTS, INVISIBLE)) -> Iterator[VariantResult]:
    """Run each correct variant through every case of the tiers that it must pass."""
    all_tiers = make_tiers(names=VECTOR_TIERS)  # the others judge files and whole frameworks
    for variant in variants:
        process = LocalImplementation(variant.name, variant.build)
        skipped = INEXACT.get(variant.name, ())
        tiers = [tier for tier in all_tiers if tier.name not in skipped]
        verdicts = [verdict for tier in tiers for verdict in _verdicts(tier, process)]
        ran = [verdict for verdict in verdicts if verdict.status is not Status.SKIP]
        yield VariantResult(variant, len(ran), tuple(verdict for verdict in ran if verdict.is_bad))


def _verdicts(tier: Tier, process: LocalImplementation) -> Iterator[Verdict]:
    return (judge(tier, case, process) for case in tier.cases())
