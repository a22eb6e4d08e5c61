"""What became of each mutant, found once for all laws that ask."""

from __future__ import annotations

from functools import cache

from conformance.mutants import MUTANTS, TORCH_MUTANTS
from conformance.mutants.selftest import MutantResult, run_mutant


@cache
def convicted(name: str) -> MutantResult:
    """The verdict that convicts the mutant of that name, and after how many cases."""
    return run_mutant(next(each for each in (*MUTANTS, *TORCH_MUTANTS) if each.name == name))
