"""Tier `module`: on any data an output is within the running error bound of its element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.case import SPECIAL, Case
from conformance.cases.layers import layer_cases
from conformance.cases.model import make_model
from conformance.cases.tensors import EXACT_EPS, Tensors
from conformance.implementations.errors import NotSupported
from conformance.implementations.implementation import Implementation
from conformance.judging import bounds
from conformance.judging.compare import compare_arrays
from conformance.judging.hints import largest_finite
from conformance.judging.stages import Reference
from conformance.judging.verdict import Outcome
from conformance.oracle import weights_io
from conformance.tiers.base import OracleTier
from weights import GhostConvConfig

DATA_SETS = ("normal", "wide", "one_sided", "spike", "zeros", "equal")
# Data that leave the range of float16 above or below, whatever comes out at the end.
BEYOND_FLOAT16 = (
    "wide", "large", "huge", "huge_kernels", "tiny", "tiny_weights", "subnormal",
    "vanishing_variances",
)  # fmt: skip
OUTPUT = "output"


class ModuleTier(OracleTier):
    """Random, wide-range, one-sided and degenerate data through every layer."""

    name = "module"

    def cases(self) -> list[Case]:
        """A case for every layer and data set.

        Layers of no further tier have the eps of tier `exact`: each is compiled once for both.
        """
        cases = layer_cases(self.name, DATA_SETS)
        return [case if SPECIAL in case.tags else _as_exact(case) for case in cases]

    def compute_reference(self, case: Case, unit: float) -> Reference:
        """The output in float64, and the bound of each element (`conformance.judging.bounds`)."""
        model, x = make_model(case)
        layer = weights_io.build(*model.astype(np.float64))
        wanted = bounds.ghost_conv(layer, x.astype(np.float64), unit)
        return Reference({OUTPUT: wanted.value}, {OUTPUT: wanted.error})

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """|y - y64| is at most what roundings can explain."""
        model, x = make_model(case)
        got = implementation.call(model, x)
        reference = self.reference(case, implementation.precision.unit_roundoff)
        wanted = reference.values[OUTPUT]
        check_range(implementation, case, wanted)
        c_int = GhostConvConfig(**case.config).channels.c_int
        outcome = compare_arrays(got, wanted, reference.allowed[OUTPUT], c_int=c_int)

        def run(layer: Any) -> Iterator[Tensors]:
            yield {OUTPUT: layer(x.astype(np.float64))}

        return self.suspects.explain(outcome, case, {OUTPUT: got}, reference, run)


def _as_exact(case: Case) -> Case:
    return replace(case, config={**case.config, "bn_eps": EXACT_EPS})


def check_range(implementation: Implementation, case: Case, wanted: np.ndarray) -> None:
    """Raise `NotSupported` where a case leaves the range of an implementation's numbers."""
    largest = implementation.precision.largest
    if largest_finite(wanted) > largest or (np.isfinite(largest) and case.data in BEYOND_FLOAT16):
        raise NotSupported(f"its largest number is {largest:g}, and this case goes beyond")
