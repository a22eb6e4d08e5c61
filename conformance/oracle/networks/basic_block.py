"""The basic block of Ghost-ResNet: two GhostConvs and a shortcut without parameters."""

from typing import Any, Unpack

import numpy as np
from numpy.typing import DTypeLike

from conformance.oracle.ghost_conv import GhostConv
from conformance.oracle.layers import activation, batch_norm
from conformance.oracle.planned import LayerOptions, from_plan
from weights import GhostResNetConfig
from weights.networks.resnet import BlockConfig


class BasicBlock:
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, C, H, W) to (N, C', H', W').
    """

    def __init__(
        self, plan: GhostResNetConfig, block: BlockConfig, *, dtype: DTypeLike = np.float64
    ) -> None:
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, dtype=dtype)
        self.bn1 = own_norm(plan, block.c_out, dtype=dtype)
        self.conv2 = from_plan(GhostConv, second, dtype=dtype)
        self.bn2 = own_norm(plan, block.c_out, dtype=dtype)
        self.relu = activation("relu")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: np.ndarray) -> np.ndarray:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = x[:, :, ::stride, ::stride]
        return np.pad(x, ((0, 0), (extra, extra), (0, 0), (0, 0)))


def own_norm(plan: GhostResNetConfig, channels: int, **options: Unpack[LayerOptions]) -> Any:
    """The batch normalisation of the network's own after a GhostConv, where it has such."""
    if not plan.norm:
        return activation("identity")
    return batch_norm(channels, *plan.batch_norm, **options)
