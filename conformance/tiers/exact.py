"""Tier `exact`: on small integers every operation is exact, so outputs are equal with `==`.

Whatever is wrong with layout, padding, stride, groups, order or crop shows at tolerance zero,
and the failing element says which.
"""

from __future__ import annotations

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.layers import exact_rows, layer_cases
from conformance.implementations.errors import NotSupported
from conformance.implementations.implementation import Implementation
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.compare import compare_arrays
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.base import Once, truth
from weights import GhostConvConfig


class ExactTier:
    """Integer weights and inputs, batch normalisation that divides by exactly 1."""

    name = "exact"

    def __init__(self) -> None:
        self._truth = Once(truth)

    def cases(self) -> list[Case]:
        """A case for every layer whose activation keeps integers integers."""
        rows = exact_rows()
        return list(layer_cases(self.name, ["integers"], rows, bn_eps=tensors.EXACT_EPS))

    def reference(self, case: Case) -> Reference:
        """The output, and no error at all."""
        return Reference(
            {"output": self._truth(case.id, (case, UNIT_ROUNDOFF)).value}, {"output": 0.0}
        )

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Equal, element by element; only the sign of a zero may differ."""
        weights, x = tensors.make(case)
        if process.precision.unit_roundoff > UNIT_ROUNDOFF:
            raise NotSupported("it computes with fewer bits than the whole numbers here have")
        got = process.call(case.architecture, case.config, weights, x)
        wanted = self._truth(case.id, (case, UNIT_ROUNDOFF)).value
        c_int = GhostConvConfig(**case.config).channels.c_int
        return compare_arrays(got, wanted, 0.0, c_int=c_int)
