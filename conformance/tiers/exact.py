"""Tier `exact`: on small integers every sum is exact, so the right whole number comes out.

Whatever is wrong with layout, padding, stride, groups, order or crop shows as another whole number,
and the failing element says which.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from conformance.cases.case import Case
from conformance.cases.layers import layer_cases
from conformance.cases.tensors import EXACT_EPS
from conformance.implementations.errors import NotSupported
from conformance.implementations.implementation import Implementation
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.module import OUTPUT, ModuleTier

# A division by six, an exponential or a slope leaves the integers.
INEXACT_ACTIVATIONS = ("silu", "hard_swish", "leaky_relu")
# However many roundings there may be, neither another whole number passes nor a half.
LARGEST_ERROR = 0.25


class ExactTier(ModuleTier):
    """Integer weights and inputs, batch normalisation that divides by exactly 1."""

    name = "exact"

    def cases(self) -> list[Case]:
        """A case for every layer whose activation keeps integers integers."""
        cases = layer_cases(self.name, ["integers"], bn_eps=EXACT_EPS)
        return [case for case in cases if not _is_inexact(case.config.get("activation"))]

    def compute_reference(self, case: Case, unit: float) -> Reference:
        """The output; the reciprocal root of 1 may be off by an ulp or two, as TensorFlow's is."""
        found = super().compute_reference(case, unit)
        return replace(found, allowed={OUTPUT: np.minimum(found.allowed[OUTPUT], LARGEST_ERROR)})

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """The right whole number in every element, within the bound of tier `module`."""
        if implementation.precision.unit_roundoff > UNIT_ROUNDOFF:
            raise NotSupported("it computes with fewer bits than the whole numbers here have")
        return super().judge(case, implementation)


def _is_inexact(activation: str | None) -> bool:
    return activation is not None and activation.partition(":")[0] in INEXACT_ACTIVATIONS
