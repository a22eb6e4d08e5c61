"""The oracle: GhostConv and its networks in NumPy, as their definitions read (NCHW).

Run in float64 it is the truth that implementations are held against, in float32 the baseline of
what plain arithmetic of that precision loses.
"""

from conformance.oracle.ghost_conv import ConvNormAct, GhostConv
from conformance.oracle.resnet import BasicBlock, GhostResNet, GhostResNet20, GhostResNet56
from conformance.oracle.weights_io import from_file, load_weights, save_weights, set_state, state

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
