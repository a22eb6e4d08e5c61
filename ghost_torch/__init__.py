"""GhostConv and its networks for PyTorch (`torch.nn.Module`, NCHW)."""

from ghost_torch.ghost_conv import ConvNormAct, GhostConv
from ghost_torch.resnet import BasicBlock, GhostResNet, GhostResNet20, GhostResNet56
from ghost_torch.weights_io import from_file, load_weights, save_weights, set_state, state

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
