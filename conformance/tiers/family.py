"""Tier `family`: the other modules, small whole networks, and their forms for inference.

The rule is that of `conformance.judging.stages`, at every stage. A form other than that for
training is held against the oracle's form for training: both must be one function.
"""

from __future__ import annotations

from dataclasses import replace

from conformance.cases.case import FULL, Case
from conformance.cases.family import family_cases
from conformance.cases.model import in_form, make_model
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import Reference, is_network, judge_arrays, oracle_run
from conformance.judging.verdict import Outcome
from conformance.tiers.base import OracleTier
from weights.modules.forms import DEPLOYED, TRAINING

# Runs of the oracle in float32 besides the plain one.
PERTURBED_RUNS = 3


class FamilyTier(OracleTier):
    """Squeeze-and-excitation, DFC attention, branches, bottlenecks, YOLO's blocks, networks."""

    name = "family"
    has_more = True
    keeps_references = True

    def cases(self) -> list[Case]:
        """A case for every module, and for every form that it can have.

        Some networks are left to a run that is full, which take it most of its time; what they show
        beyond other networks, modules show too.
        """
        return [case for case in family_cases(self.name) if self.settings.full or _is_usual(case)]

    def compute_reference(self, case: Case, unit: float) -> Reference:
        """Every stage of the form for training in float64; the error of the case's form."""
        model, x = make_model(case)
        run = oracle_run(in_form(model, case.form), x, perturbed=PERTURBED_RUNS)
        if case.form != TRAINING:
            run = replace(run, exact=oracle_run(model, x).exact)
        return run.reference()

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Every stage of the case's form against the oracle's form for training."""
        model, x = make_model(case)
        outputs = implementation.taps(in_form(model, case.form), x)
        return judge_arrays(outputs, self.reference(case))


def _is_usual(case: Case) -> bool:
    is_deployed_network = case.form == DEPLOYED and is_network(case.architecture)
    return FULL not in case.tags and not is_deployed_network
