"""The suite checked by itself: every mutant is caught by its tier, every correct variant passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from typing import Any

from conformance.cases.case import Case
from conformance.cases.traits import multiply_adds
from conformance.judging.verdict import Status, Verdict
from conformance.mutants import MUTANTS, TORCH_MUTANTS
from conformance.mutants.mutant import Mutant, MutantImplementation
from conformance.mutants.variants import INVISIBLE, VARIANTS
from conformance.running.runner import judge
from conformance.tiers import TIERS, VECTOR_TIERS, Tier, make_tiers
from conformance.tiers.base import DEFAULT_SETTINGS, OracleTier, Settings

# The tiers of sizes and of files, in which an exception convicts a mutant as a failure does.
RAISES = ("contract", "sequence")
# The settings on which the cases of a tier depend; those of the others depend on none.
SETTINGS_OF = {
    **{name: ("full",) for name, tier in TIERS.items() if tier.has_more},
    "random": ("random",),
    "network": ("weights", "images"),
}


@dataclass(frozen=True)
class MutantResult:
    """The verdict that convicts a mutant after so many cases; None where it survived."""

    verdict: Verdict | None
    cases: int


@dataclass(frozen=True)
class VariantResult:
    """The number of cases that a correct variant ran, and its failures, all false alarms."""

    cases: int
    alarms: tuple[Verdict, ...]


def in_processes(
    jobs: int, judge_named: Callable[[str], dict[str, Any]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The results of `judge_named` for names, computed by so many processes."""
    if min(jobs, len(names)) < 2:
        return [judge_named(name) for name in names]
    # Neighbours, which share a tier and its references, go to the same process.
    share = -(-len(names) // (4 * jobs))
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return list(pool.map(judge_named, names, chunksize=share))


def caught(name: str) -> dict[str, Any]:
    """What became of the mutant of that name, as JSON writes it."""
    mutant = next(each for each in (*MUTANTS, *TORCH_MUTANTS) if each.name == name)
    verdict = run_mutant(mutant).verdict
    return {
        "name": name,
        "defect": mutant.description,
        "tier": mutant.tier,
        "caught_by": None if verdict is None else verdict.case,
    }


def accepted(name: str) -> dict[str, Any]:
    """What became of the correct variant of that name, as JSON writes it."""
    variant = next(each for each in (*VARIANTS, INVISIBLE) if each.name == name)
    result = run_variant(variant)
    return {
        "name": name,
        "computes_by": variant.description,
        "cases": result.cases,
        "false_alarms": [verdict.to_dict() for verdict in result.alarms],
    }


def run_mutant(mutant: Mutant) -> MutantResult:
    """Run a mutant through its tier, the cheapest case first, until one convicts it."""
    tier, cases = quick_tier(mutant.tier)
    implementation = MutantImplementation(mutant)
    for number, case in enumerate(cases, 1):
        verdict = judge(tier, case, implementation)
        if convicts(verdict):
            return MutantResult(verdict, number)
    return MutantResult(None, len(cases))


def convicts(verdict: Verdict) -> bool:
    """True of a verdict that shows a defect: a failure, in some tiers an exception too."""
    raises = verdict.tier in RAISES and verdict.status is Status.ERROR
    return verdict.status is Status.FAIL or raises


def run_variant(
    variant: Mutant, settings: Settings = DEFAULT_SETTINGS, *, every: int = 1, start: int = 0
) -> VariantResult:
    """Run a correct variant through each `every`-th case of the tiers, from `start` on."""
    implementation = MutantImplementation(variant)
    # The other tiers judge files and whole frameworks.
    names = (*VECTOR_TIERS, "random")
    verdicts = [
        judge(tier, case, implementation)
        for tier, cases in (quick_tier(name, settings) for name in names)
        for case in cases[start::every]
    ]
    ran = [verdict for verdict in verdicts if verdict.status is not Status.SKIP]
    return VariantResult(len(ran), tuple(verdict for verdict in ran if verdict.is_bad))


def quick_tier(name: str, settings: Settings = DEFAULT_SETTINGS) -> tuple[Tier, list[Case]]:
    """A tier without hints, whose references are shared, and its cases, the cheapest first."""
    own: dict[str, Any] = {each: getattr(settings, each) for each in SETTINGS_OF.get(name, ())}
    return _quick_tier(name, Settings(**own))


@cache
def _quick_tier(name: str, settings: Settings) -> tuple[Tier, list[Case]]:
    (tier,) = make_tiers(settings, [name])
    if isinstance(tier, OracleTier):
        tier.suspects.faults = ()  # nobody reads the hints, which take longer than the cases
    return tier, sorted(tier.cases(), key=multiply_adds)
