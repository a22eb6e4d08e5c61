"""GhostConv and its networks for Flax NNX (`flax.nnx.Module`, NHWC)."""

from ghost_jax.ghost_conv import ConvNormAct, GhostConv
from ghost_jax.resnet import BasicBlock, GhostResNet, GhostResNet20, GhostResNet56
from ghost_jax.weights_io import from_file, load_weights, save_weights, set_state, state

__all__ = [
    "BasicBlock",
    "ConvNormAct",
    "GhostConv",
    "GhostResNet",
    "GhostResNet20",
    "GhostResNet56",
    "from_file",
    "load_weights",
    "save_weights",
    "set_state",
    "state",
]
