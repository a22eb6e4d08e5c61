"""Tier `module`: on any data an output is within the running error bound of its element."""

from __future__ import annotations

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.layers import layer_cases
from conformance.implementations.implementation import Implementation
from conformance.implementations.precision import UNIT_ROUNDOFF
from conformance.judging.compare import compare_arrays
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.tiers.base import Once, check_range, truth
from weights import GhostConvConfig

DATA_SETS = ("normal", "wide", "one_sided", "spike", "zeros", "equal")


class ModuleTier:
    """Random, wide-range, one-sided and degenerate data through every layer."""

    name = "module"

    def __init__(self) -> None:
        self._truth = Once(truth)

    def cases(self) -> list[Case]:
        """A case for every layer and data set."""
        return list(layer_cases(self.name, DATA_SETS))

    def reference(self, case: Case) -> Reference:
        """The output, and the bound of each element."""
        wanted = self._truth(case.id, (case, UNIT_ROUNDOFF))
        return Reference({"output": wanted.value}, {"output": wanted.error})

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """|y - y64| is at most what roundings can explain (`conformance.judging.bounds`)."""
        weights, x = tensors.make(case)
        got = process.call(case.architecture, case.config, weights, x)
        unit = process.precision.unit_roundoff
        wanted = self._truth(f"{case.id} {unit}", (case, unit))
        check_range(process, case, wanted.value)
        c_int = GhostConvConfig(**case.config).channels.c_int
        return compare_arrays(got, wanted.value, wanted.error, c_int=c_int)
