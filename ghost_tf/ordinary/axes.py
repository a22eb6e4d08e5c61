"""Layers that work along an axis of the user's choice, and whether it is that of the channels."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import layers

from weights.columns.places import Part

NORMS = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)
FLATTEN = "its data_format must be that of the images, {}: the order of the features hangs on it"
Formats = dict[int, set[str]]


def checked(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts of a network, each with why a file cannot tell it there, if it cannot.

    What flattens holds no tensors, and is among them only where it cannot be told.
    """
    formats = _formats([part.module for part in parts])
    for part in parts:
        problem = _problem(part.module, formats)
        if problem or not isinstance(part.module, layers.Flatten):
            yield replace(part, problem=problem)


def _formats(modules: Sequence[Any]) -> Formats:
    """The data formats of convolutions and ghost modules, by how many axes they read."""
    telling = [each for each in modules if hasattr(each, "data_format")]
    # What flattens may contradict them: it tells where nothing else reads images.
    others = [each for each in telling if not isinstance(each, layers.Flatten)]
    found: Formats = {}
    for module in others or telling:
        axes = getattr(module, "rank", 2) + 2
        found.setdefault(axes, set()).add(module.data_format)
    return found


def _problem(layer: Any, formats: Formats) -> str:
    """Why a file cannot tell the layer in a network of those formats; empty where it can."""
    shape = _input_shape(layer)
    if isinstance(layer, layers.Flatten):
        (given, *_) = sorted(_at(formats, len(shape)))
        return FLATTEN.format(given) if len(shape) > 3 and layer.data_format != given else ""
    axes = _axes(layer) if shape else set()
    if len(axes) != 1 or len(shape) < 3:
        return ""
    axis, count = range(len(shape))[axes.pop()], len(shape)
    channels = {1 if each == "channels_first" else count - 1 for each in _at(formats, count)}
    if axis in channels:
        return ""
    (right, *_) = sorted(channels)
    return f"it works along axis {axis} of {count}, where the channels are axis {right}"


def _at(formats: Formats, axes: int) -> set[str]:
    """The formats of what reads so many axes; without any, features come last."""
    default = keras.config.image_data_format() if axes > 3 else "channels_last"
    return formats.get(axes, {default})


def _input_shape(layer: Any) -> tuple[Any, ...]:
    shape = (layer.get_build_config() or {}).get("input_shape") if layer.built else None
    return tuple(shape) if isinstance(shape, (list, tuple)) else ()


def _axes(layer: Any) -> set[int]:
    """The axes along which the layer has its vectors."""
    if isinstance(layer, layers.PReLU):
        return {axis for axis, size in enumerate(layer.alpha.shape, start=1) if size != 1}
    if not isinstance(layer, NORMS):
        return set()
    return {layer.axis} if isinstance(layer.axis, int) else {*layer.axis}
