"""Convolutions of a model: whether one can become a GhostConv, and with which arguments."""

from typing import Any

import keras
from keras import layers

from ghost_tf.weights_io import ARCHITECTURES
from weights.replacing import reasons

GHOSTS = tuple(ARCHITECTURES.values())
# Convolutions of other kinds, and why they are left.
OTHER_KINDS: tuple[tuple[tuple[type[Any], ...], str], ...] = (
    (
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
        reasons.TRANSPOSED,
    ),
    ((layers.DepthwiseConv1D, layers.DepthwiseConv2D), reasons.DEPTHWISE),
    (
        (layers.SeparableConv1D, layers.SeparableConv2D),
        "a separable convolution, cheap already",
    ),
    ((layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D), "a recurrent convolution"),
)
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
# Keras' activations by GhostConv's names.
ACTIVATIONS = {
    keras.activations.relu: "relu",
    keras.activations.relu6: "relu6",
    keras.activations.silu: "silu",
    keras.activations.hard_silu: "hard_swish",
}
DROPPED = (
    "kernel_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "bias_constraint",
)


def is_convolution(module: Any) -> bool:
    """Whether the module is a convolution of any kind."""
    return isinstance(module, CONVOLUTIONS) or bool(_reason_of_kind(module))


def obstacle(conv: Any) -> str:
    """Why the convolution cannot be replaced, whatever the rules; empty where it can."""
    if reason := _reason_of_kind(conv):
        return reason
    if len(conv.kernel_size) != 2:
        return reasons.OTHER_RANK.format(len(conv.kernel_size))
    if type(conv) is not layers.Conv2D:
        return reasons.OWN_CLASS.format(type(conv).__name__)
    if not conv.built:
        return reasons.UNBUILT
    if conv.quantization_mode or conv.lora_enabled:
        return reasons.QUANTISED if conv.quantization_mode else "it has low-rank weights (LoRA)"
    return _obstacle_of_activation(conv.activation)


def arguments(conv: Any) -> dict[str, Any]:
    """The arguments of GhostConv, padding as the framework has it."""
    own = {"activation": ACTIVATIONS[conv.activation]} if conv.activation in ACTIVATIONS else {}
    return {
        "c_in": conv.kernel.shape[2] * conv.groups,
        "c_out": conv.filters,
        "kernel_size": conv.kernel_size,
        "stride": conv.strides,
        "padding": conv.padding,
        "dilation": conv.dilation_rate,
        "groups": conv.groups,
        **own,
    }


def notes(conv: Any) -> tuple[str, ...]:
    """The properties of the convolution that its GhostConv will not have."""
    dropped = (reasons.DROPPED.format(name) for name in DROPPED if getattr(conv, name))
    frozen = () if conv.trainable else (reasons.FROZEN,)
    return (*dropped, *frozen, *([reasons.BIAS] if conv.use_bias else []))


def _reason_of_kind(conv: Any) -> str:
    return next((reason for kinds, reason in OTHER_KINDS if isinstance(conv, kinds)), "")


def _obstacle_of_activation(activation: Any) -> str:
    if activation is keras.activations.linear or activation in ACTIVATIONS:
        return ""
    name = getattr(activation, "__name__", type(activation).__name__)
    return f"its activation {name} is none of {', '.join(ACTIVATIONS.values())}"
