"""The basic block of Ghost-ResNet: two GhostConvs and a shortcut without parameters."""

from typing import Any, Unpack

from torch import Tensor, nn

from ghost_torch.framework.options import LayerOptions, TorchOptions
from ghost_torch.framework.planned import from_plan
from ghost_torch.ghost_conv import GhostConv
from ghost_torch.layers import activation, batch_norm
from weights import GhostResNetConfig
from weights.networks.resnet import BlockConfig


class BasicBlock(nn.Module):
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, C, H, W) to (N, C', H', W').
    """

    def __init__(
        self, plan: GhostResNetConfig, block: BlockConfig, **options: Unpack[TorchOptions]
    ) -> None:
        super().__init__()
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, **options)
        self.bn1 = own_norm(plan, block.c_out, **options)
        self.conv2 = from_plan(GhostConv, second, **options)
        self.bn2 = own_norm(plan, block.c_out, **options)
        self.relu = activation("relu")

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = x[:, :, ::stride, ::stride]
        return nn.functional.pad(x, (0, 0, 0, 0, extra, extra))


def own_norm(plan: GhostResNetConfig, channels: int, **options: Unpack[LayerOptions]) -> Any:
    """The batch normalisation of the network's own after a GhostConv, where it has such."""
    if not plan.norm:
        return activation("identity")
    return batch_norm(channels, *plan.batch_norm, **options)
