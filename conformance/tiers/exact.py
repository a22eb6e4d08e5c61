"""Tier `exact`: on small integers every operation is exact, so outputs are equal with `==`.

Whatever is wrong with layout, padding, stride, groups, order or crop shows at tolerance zero,
and the failing element says which.
"""

from __future__ import annotations

from dataclasses import replace

from conformance.cases.case import Case
from conformance.cases.layers import layer_cases
from conformance.cases.tensors import EXACT_EPS
from conformance.implementations.errors import NotSupported
from conformance.implementations.implementation import Implementation
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.module import OUTPUT, ModuleTier

# A division by six, or an exponential, leaves the integers.
INEXACT_ACTIVATIONS = ("silu", "hard_swish")


class ExactTier(ModuleTier):
    """Integer weights and inputs, batch normalisation that divides by exactly 1."""

    name = "exact"

    def cases(self) -> list[Case]:
        """A case for every layer whose activation keeps integers integers."""
        cases = layer_cases(self.name, ["integers"], bn_eps=EXACT_EPS)
        return [case for case in cases if case.config.get("activation") not in INEXACT_ACTIVATIONS]

    def compute_reference(self, case: Case, unit: float) -> Reference:
        """The output, and no error at all."""
        return replace(super().compute_reference(case, unit), allowed={OUTPUT: 0.0})

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Equal, element by element; only the sign of a zero may differ."""
        if implementation.precision.unit_roundoff > UNIT_ROUNDOFF:
            raise NotSupported("it computes with fewer bits than the whole numbers here have")
        return super().judge(case, implementation)
