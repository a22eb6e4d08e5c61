"""The figures of `docs/tolerances.md` for Winograd and Fourier convolutions.

`python -m tests.conformance.judging.fast_figures` prints them, in a checkout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from conformance.cases.case import Case
from conformance.cases.model import make_model
from conformance.implementations.implementation import Implementation
from conformance.implementations.local import LocalImplementation
from conformance.judging.verdict import Status
from conformance.mutants.selftest import quick_tier
from conformance.running.runner import judge
from conformance.tiers import ModuleTier, Settings, Tier
from conformance.tiers.module import OUTPUT
from tests.conformance import fast_convolutions

ALGORITHMS = ("direct", "winograd_2", "winograd_4", "fourier_transformed")
Work = Sequence[tuple[Tier, Case]]


def main(random: int = 200) -> None:
    """Print for each algorithm the cases that it passes, by tier and data, and its errors.

    An error of the last column is over the largest value of its map, in units of 2**-24.
    """
    names = ("exact", "module", "special", "random")
    tiers = [quick_tier(name, Settings(random=random)) for name in names]
    work = [(tier, case) for tier, cases in tiers for case in cases]
    for name in ALGORITHMS:
        build = getattr(fast_convolutions, name)
        passed, errors = _judged(LocalImplementation(name, build), work)
        groups = Counter(_group(tier, case) for tier, case in work)
        print(name, *(f"{key} {passed[key]}/{groups[key]}" for key in groups), sep=", ", end=", ")
        print(f"median error {np.median(errors):.1f}, largest {max(errors):.1f}")


def _judged(implementation: Implementation, work: Work) -> tuple[Counter[str], list[float]]:
    """The cases that pass, by their group, and the errors of tier module's normal data."""
    passed: Counter[str] = Counter()
    errors = []
    for tier, case in work:
        passed[_group(tier, case)] += judge(tier, case, implementation).status is Status.PASS
        if isinstance(tier, ModuleTier) and (tier.name, case.data) == ("module", "normal"):
            wanted = tier.reference(case).values[OUTPUT]
            error = np.abs(implementation.call(*make_model(case)) - wanted).max()
            errors.append(float(error / np.abs(wanted).max() * 2**24))
    return passed, errors


def _group(tier: Tier, case: Case) -> str:
    return f"{tier.name} {case.data}" if tier.name == "module" else tier.name


if __name__ == "__main__":
    main()
