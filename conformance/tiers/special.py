"""Tier `special`: NaN and infinity spread to exactly the same elements; the ends of float32."""

from __future__ import annotations

from conformance.cases.case import SPECIAL, Case
from conformance.cases.layers import layer_cases
from conformance.tiers.module import ModuleTier

DATA_SETS = (
    "nan", "infinity", "negative_infinity", "nan_kernels", "nan_norms", "infinite_kernels",
    "infinite_norms", "large", "huge", "huge_kernels", "tiny", "tiny_weights", "subnormal",
    "vanishing_variances", "negative_zero",
)  # fmt: skip


class SpecialTier(ModuleTier):
    """Special values; where the result is finite, the bound of tier `module` holds too."""

    name = "special"

    def cases(self) -> list[Case]:
        """A case for every special value and a few layers that hold every activation."""
        return [case for case in layer_cases(self.name, DATA_SETS) if SPECIAL in case.tags]
