"""GhostConv and its networks for Keras 3 on TensorFlow (`keras.layers.Layer`, NHWC or NCHW)."""

from ghost_tf.framework.distribution import WEIGHTS as WEIGHTS  # before whatever imports it

# isort: split
from ghost_tf.attention import SqueezeExcite
from ghost_tf.bottleneck import GhostBottleneck
from ghost_tf.ghost_conv import ConvNormAct, GhostConv, GhostConvV2
from ghost_tf.ghost_conv_v3 import GhostConvV3
from ghost_tf.networks.basic_block import BasicBlock
from ghost_tf.networks.features import FeatureNetwork
from ghost_tf.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_tf.networks.repghostnet import RepGhostNet
from ghost_tf.networks.resnet import GhostResNet, GhostResNet20, GhostResNet56
from ghost_tf.networks.vgg import GhostVGG16
from ghost_tf.ordinary.layers import register
from ghost_tf.rep_ghost import RepGhostBottleneck, RepGhostConv
from ghost_tf.replacing.replace import replace_convolutions
from ghost_tf.variants import (
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
from ghost_tf.weights_io import FRAMEWORK
from ghost_tf.yolo import C3Ghost
from weights.deployment.call import ExportCall
from weights.version import __version__ as __version__

deploy = FRAMEWORK.deploy
export = ExportCall("tf").export
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
