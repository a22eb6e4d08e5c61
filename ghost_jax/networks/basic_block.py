"""The basic block of Ghost-ResNet: two GhostConvs and a shortcut without parameters."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.framework.options import FlaxOptions, LayerOptions
from ghost_jax.framework.planned import from_plan
from ghost_jax.framework.shifted import strided
from ghost_jax.ghost_conv import GhostConv
from ghost_jax.layers import activation, batch_norm
from weights import GhostResNetConfig
from weights.networks.resnet import BlockConfig


class BasicBlock(nnx.Module):
    """Two GhostConvs, each with the block's own batch normalisation, and a shortcut.

    The shortcut has no parameters (option A): it subsamples and adds zero channels.

    Shapes: x: (N, H, W, C) to (N, H', W', C').
    """

    def __init__(
        self, plan: GhostResNetConfig, block: BlockConfig, **options: Unpack[FlaxOptions]
    ) -> None:
        first, second = plan.convolutions[block.path]
        self.block = block
        self.conv1 = from_plan(GhostConv, first, **options)
        self.bn1 = own_norm(plan, block.c_out, **options)
        self.conv2 = from_plan(GhostConv, second, **options)
        self.bn2 = own_norm(plan, block.c_out, **options)
        self.relu = activation("relu")

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))

    def shortcut(self, x: jax.Array) -> jax.Array:
        """The input with every `stride`-th row and column, and zero channels on both sides."""
        stride, extra = self.block.stride, self.block.extra_channels
        x = strided(x, (stride, stride))
        return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (extra, extra)))


def own_norm(plan: GhostResNetConfig, channels: int, **options: Unpack[LayerOptions]) -> Any:
    """The batch normalisation of the network's own after a GhostConv, where it has such."""
    if not plan.norm:
        return activation("identity")
    return batch_norm(channels, *plan.batch_norm, **options)
