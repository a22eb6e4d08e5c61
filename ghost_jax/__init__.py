"""GhostConv and its networks for Flax NNX (`flax.nnx.Module`, NHWC)."""

from ghost_jax.framework.distribution import WEIGHTS as WEIGHTS  # before whatever imports it

# isort: split
from ghost_jax.attention import SqueezeExcite
from ghost_jax.bottleneck import GhostBottleneck
from ghost_jax.ghost_conv import ConvNormAct, GhostConv, GhostConvV2
from ghost_jax.ghost_conv_v3 import GhostConvV3
from ghost_jax.networks.basic_block import BasicBlock
from ghost_jax.networks.features import FeatureNetwork
from ghost_jax.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_jax.networks.repghostnet import RepGhostNet
from ghost_jax.networks.resnet import GhostResNet, GhostResNet20, GhostResNet56
from ghost_jax.networks.vgg import GhostVGG16
from ghost_jax.ordinary.layers import register
from ghost_jax.rep_ghost import RepGhostBottleneck, RepGhostConv
from ghost_jax.replacing.replace import replace_convolutions
from ghost_jax.variants import (
    ghostnet_050,
    ghostnet_100,
    ghostnet_130,
    ghostnetv2_100,
    ghostnetv2_130,
    ghostnetv2_160,
    ghostnetv3_050,
    ghostnetv3_100,
    ghostnetv3_130,
    ghostnetv3_160,
    repghostnet_050,
    repghostnet_058,
    repghostnet_080,
    repghostnet_100,
    repghostnet_111,
    repghostnet_130,
    repghostnet_150,
    repghostnet_200,
)
from ghost_jax.weights_io import FRAMEWORK
from ghost_jax.yolo import C3Ghost
from weights.deployment.call import ExportCall
from weights.version import __version__ as __version__

deploy = FRAMEWORK.deploy
export = ExportCall("jax").export
from_file = FRAMEWORK.from_file
from_hub = FRAMEWORK.from_hub
from_pretrained = FRAMEWORK.from_pretrained
load_weights = FRAMEWORK.load_weights
push_to_hub = FRAMEWORK.push_to_hub
reset_classifier = FRAMEWORK.reset_classifier
save_pretrained = FRAMEWORK.save_pretrained
save_weights = FRAMEWORK.save_weights
set_state = FRAMEWORK.set_state
state = FRAMEWORK.state

__all__ = [
    "BasicBlock",
    "C3Ghost",
    "ConvNormAct",
    "FeatureNetwork",
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
    "deploy",
    "export",
    "from_file",
    "from_hub",
    "from_pretrained",
    "ghostnet_050",
    "ghostnet_100",
    "ghostnet_130",
    "ghostnetv2_100",
    "ghostnetv2_130",
    "ghostnetv2_160",
    "ghostnetv3_050",
    "ghostnetv3_100",
    "ghostnetv3_130",
    "ghostnetv3_160",
    "load_weights",
    "push_to_hub",
    "register",
    "repghostnet_050",
    "repghostnet_058",
    "repghostnet_080",
    "repghostnet_100",
    "repghostnet_111",
    "repghostnet_130",
    "repghostnet_150",
    "repghostnet_200",
    "replace_convolutions",
    "reset_classifier",
    "save_pretrained",
    "save_weights",
    "set_state",
    "state",
]
