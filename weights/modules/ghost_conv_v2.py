"""The configuration of the ghost module of GhostNetV2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from weights.modules.attention import AttentionPlan
from weights.modules.convolutions import Operation, Sizes
from weights.modules.ghost_conv import GhostConvConfig
from weights.tensors import TensorSpec


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

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the layer, in the order of PyTorch's `state_dict`."""
        yield from super().tensors()
        yield from self.gate.tensors()

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        yield from super().operations(sizes)
        yield from self.gate.operations(sizes)

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` where a kernel does not fit, or nothing is left at half size."""
        super().check_sizes(sizes)
        self.gate.check_sizes(sizes)
