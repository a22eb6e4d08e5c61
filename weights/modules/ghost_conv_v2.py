"""The configuration of the ghost module of GhostNetV2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from weights.modules.attention import AttentionPlan
from weights.modules.ghost_conv import GhostConvConfig


@dataclass(frozen=True)
class GhostConvV2Config(GhostConvConfig):
    """GhostConv times DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2).

    >>> config = GhostConvV2Config(16, 32)
    >>> config.macs(8, 8) - GhostConvConfig(16, 32).macs(8, 8)  # 16 x 32 + 32 x 10 on 4 x 4
    13312
    """

    @cached_property
    def gate(self) -> AttentionPlan:
        """The branch that makes the gate."""
        return AttentionPlan(self.c_in, self.c_out, self.kernel_size, self.stride, self.folded)
