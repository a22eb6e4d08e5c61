"""GhostConv and its networks for Keras 3 on TensorFlow (`keras.layers.Layer`, NHWC or NCHW)."""

from ghost_tf.ghost_conv import ConvNormAct, GhostConv
from ghost_tf.resnet import BasicBlock, GhostResNet, GhostResNet20, GhostResNet56
from ghost_tf.weights_io import from_file, load_weights, save_weights, set_state, state

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
