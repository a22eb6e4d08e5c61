"""Tier `family`: the other modules, small whole networks, and what is deployed of them.

The rule is that of `conformance.judging.stages`, at every stage. A case whose id ends in
`-deployed` or `-folded` builds that form and holds it against the oracle's training form: both must
be one function.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.family import family_cases
from conformance.cases.tensors import Tensors
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import Reference, in_dtype, judge_stage, oracle_run
from conformance.judging.verdict import Outcome, first_failure
from conformance.tiers.base import Once
from weights.columns import fold
from weights.modules.forms import DEPLOYED, FOLDED

# Runs of the oracle in float32 besides the plain one.
PERTURBED_RUNS = 3


class FamilyTier:
    """Squeeze-and-excitation, DFC attention, branches, bottlenecks, YOLO's blocks, networks."""

    name = "family"

    def __init__(self) -> None:
        self._truth = Once(truth)

    def cases(self) -> list[Case]:
        """A case for every module, and for every form that it can have."""
        return list(family_cases(self.name))

    def reference(self, case: Case) -> Reference:
        """Every stage, and the error of each."""
        return self._truth(case.id, case)

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Every stage of the form that is asked for against the oracle's training form."""
        weights, x = tensors.make(case)
        config, weights = in_its_form(case, weights)
        outputs = process.taps(case.architecture, config, weights, x)
        wanted = self._truth(case.id, case)
        return first_failure(
            (f"stage {stage}", judge_stage(outputs, wanted, stage)) for stage in wanted.values
        )


def form_of(case: Case) -> str:
    """The form other than training's that the case is about, or nothing."""
    form = case.id.rpartition("-")[2]
    return form if form in (DEPLOYED, FOLDED) else ""


def in_its_form(case: Case, weights: Tensors) -> tuple[dict[str, Any], Tensors]:
    """Configuration and tensors of the form that the case is about."""
    config = dict(case.config)
    if not form_of(case):
        return config, weights
    return fold.deployed(case.architecture, config, weights, form_of(case))


def truth(case: Case) -> Reference:
    """The training form in float64, and what the form asked for loses in float32."""
    weights, x = tensors.make(case)
    run = oracle_run(case.architecture, case.config, weights, x, perturbed=PERTURBED_RUNS)
    if form_of(case):
        config, merged = in_its_form(case, weights)
        merged = in_dtype(merged, np.float32)
        rough = oracle_run(case.architecture, config, merged, x, perturbed=PERTURBED_RUNS)
        run = replace(rough, exact=run.exact)
    return run.reference()
