"""The configuration of the ghost module of GhostNetV2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weights.modules.attention import AttentionPlan
from weights.modules.branches import FOLDED
from weights.modules.convolutions import Operation, Sizes, check_statistics_of
from weights.modules.ghost_conv import GhostConvConfig
from weights.tensors import TensorSpec


@dataclass(frozen=True)
class GhostConvV2Config(GhostConvConfig):
    """GhostConv times DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2).

    >>> config = GhostConvV2Config(16, 32)
    >>> config.macs(8, 8) - GhostConvConfig(16, 32).macs(8, 8)  # 16 x 32 + 32 x 10 on 4 x 4
    13312
    """

    @property
    def gate(self) -> AttentionPlan:
        """The branch that makes the gate."""
        folded = self.form == FOLDED
        return AttentionPlan(self.c_in, self.c_out, self.kernel_size, self.stride, folded)

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the layer, in the order of PyTorch's `state_dict`."""
        yield from super().tensors()
        yield from self.gate.tensors()

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        yield from super().operations(sizes)
        yield from self.gate.operations(sizes)

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the layer cannot take; shape is (N, C, H, W)."""
        super().check_input(shape, dtype, training=training)
        sizes = (shape[2], shape[3])
        self.gate.check_sizes(sizes)
        if training:
            check_statistics_of(self.gate.operations(sizes), shape[0])
