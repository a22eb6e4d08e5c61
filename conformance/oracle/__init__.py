"""The oracle: GhostConv and its networks in NumPy, as their definitions read (NCHW).

Run in float64 it is the truth that implementations are held against, in float32 the baseline of
what plain arithmetic of that precision loses.
"""

from conformance.oracle.attention import SqueezeExcite
from conformance.oracle.bottleneck import GhostBottleneck
from conformance.oracle.ghost_conv import ConvNormAct, GhostConv, GhostConvV2
from conformance.oracle.ghost_conv_v3 import GhostConvV3
from conformance.oracle.networks.basic_block import BasicBlock
from conformance.oracle.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from conformance.oracle.networks.repghostnet import RepGhostNet
from conformance.oracle.networks.resnet import GhostResNet, GhostResNet20, GhostResNet56
from conformance.oracle.networks.vgg import GhostVGG16
from conformance.oracle.rep_ghost import RepGhostBottleneck, RepGhostConv
from conformance.oracle.weights_io import FRAMEWORK
from conformance.oracle.yolo import C3Ghost

from_file = FRAMEWORK.from_file
load_weights = FRAMEWORK.load_weights
save_weights = FRAMEWORK.save_weights
set_state = FRAMEWORK.set_state
state = FRAMEWORK.state

__all__ = [
    "BasicBlock",
    "C3Ghost",
    "ConvNormAct",
    "GhostBottleneck",
    "GhostConv",
    "GhostConvV2",
    "GhostConvV3",
    "GhostNet",
    "GhostNetV2",
    "GhostNetV3",
    "GhostResNet",
    "GhostResNet20",
    "GhostResNet56",
    "GhostVGG16",
    "RepGhostBottleneck",
    "RepGhostConv",
    "RepGhostNet",
    "SqueezeExcite",
    "from_file",
    "load_weights",
    "save_weights",
    "set_state",
    "state",
]
