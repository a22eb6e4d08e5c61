"""Whether a convolution of a model can become a GhostConv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from ghost_tf.weights_io import ARCHITECTURES
from weights.replacing import reasons
from weights.replacing.reasons import Replaceable

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


def describe(module: Any, obstacles: Mapping[int, str]) -> Replaceable | str | None:
    """What `Rules.judge` asks of a module; `obstacles` are what others know, by identity."""
    if isinstance(module, GHOSTS):
        return reasons.ALREADY.format(type(module).__name__)
    if not is_convolution(module):
        return None
    reason = obstacles.get(id(module)) or _obstacle(module)
    return reason or Replaceable(_arguments(module), _notes(module))


def is_convolution(module: Any) -> bool:
    """Whether the module is a convolution of any kind."""
    return isinstance(module, CONVOLUTIONS) or bool(_reason_of_kind(module))


def _reason_of_kind(layer: Any) -> str:
    return next((reason for kinds, reason in OTHER_KINDS if isinstance(layer, kinds)), "")


def _obstacle(layer: Any) -> str:
    """Why the convolution cannot be replaced, whatever is asked for; empty where it can."""
    if reason := _reason_of_kind(layer):
        return reason
    if len(layer.kernel_size) != 2:
        return reasons.OTHER_RANK.format(len(layer.kernel_size))
    if type(layer) is not layers.Conv2D:
        return reasons.OWN_CLASS.format(type(layer).__name__)
    if not layer.built:
        return reasons.UNBUILT
    if layer.quantization_mode or layer.lora_enabled:
        return reasons.QUANTISED if layer.quantization_mode else "it has low-rank weights (LoRA)"
    return _obstacle_of_activation(layer.activation)


def _obstacle_of_activation(activation: Any) -> str:
    if activation is keras.activations.linear or activation in ACTIVATIONS:
        return ""
    name = getattr(activation, "__name__", type(activation).__name__)
    return f"its activation {name} is none of {', '.join(ACTIVATIONS.values())}"


def _arguments(layer: Any) -> dict[str, Any]:
    own = {"activation": ACTIVATIONS[layer.activation]} if layer.activation in ACTIVATIONS else {}
    return {
        "c_in": layer.kernel.shape[2] * layer.groups,
        "c_out": layer.filters,
        "kernel_size": layer.kernel_size,
        "stride": layer.strides,
        "padding": layer.padding,
        "dilation": layer.dilation_rate,
        "groups": layer.groups,
        **own,
    }


def _notes(layer: Any) -> tuple[str, ...]:
    dropped = (reasons.DROPPED.format(name) for name in DROPPED if getattr(layer, name))
    frozen = () if layer.trainable else (reasons.FROZEN,)
    return (*dropped, *frozen, *([reasons.BIAS] if layer.use_bias else []))
