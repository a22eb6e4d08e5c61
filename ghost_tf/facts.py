"""The layers inside a module as they are now: kinds and settings, beside the weights."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from keras import layers

from ghost_tf.branches import ConvNorm
from ghost_tf.framework.keras_layers import Convolution
from ghost_tf.ghost_conv import ConvNormAct
from ghost_tf.networks.basic_block import BasicBlock
from ghost_tf.saving.composed import attributes
from ghost_tf.saving.planned import Planned
from weights.arithmetic import rest_of
from weights.columns.actual import Facts

LAYERS = (Planned, ConvNorm, ConvNormAct, BasicBlock)
ACTIVATIONS = ("relu", "act", "shortcut_act")


def facts(module: Any) -> Facts:
    """Every layer inside `module` by its path: its kind, and all that its result depends on."""
    return dict(_walk("", module, set()))


def _walk(path: str, part: Any, seen: set[int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(part, layers.Layer) and id(part) in seen:  # in a list, and an attribute
        return
    seen.add(id(part))
    if isinstance(part, list):
        for index, child in enumerate(part):
            yield from _walk(f"{path}.{index}", child, seen)
    elif isinstance(part, LAYERS):
        for name, child in attributes(part).items():
            if name in ACTIVATIONS or _holds_layers(child):
                yield from _walk(f"{path}.{name}".removeprefix("."), child, seen)
    elif isinstance(part, layers.Layer):
        yield path, {"kind": type(part).__name__, **_settings(part)}
    else:
        yield path, {"kind": getattr(part, "__name__", type(part).__name__)}


def _settings(layer: Any) -> dict[str, Any]:
    """The numbers of a layer, and which tensors it has."""
    if isinstance(layer, Convolution):
        return asdict(layer.plan)
    if isinstance(layer, layers.BatchNormalization):
        tensors = {"weight": layer.scale, "bias": layer.center}
        return {"eps": layer.epsilon, "momentum": rest_of(layer.momentum), **tensors}
    if isinstance(layer, layers.Dense):
        names = ("units", "use_bias", "lora_rank", "quantization_mode")
        activation = getattr(layer.activation, "__name__", type(layer.activation).__name__)
        return {**{name: getattr(layer, name) for name in names}, "activation": activation}
    return {"rate": layer.rate} if isinstance(layer, layers.Dropout) else {}


def _holds_layers(value: Any) -> bool:
    """Whether an attribute is a layer, or layers in an order."""
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, (list, layers.Layer)) for item in items)
