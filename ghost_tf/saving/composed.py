"""The base of layers that are made of others: names, flags and policies that last."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import dtype_policies, saving

from ghost_tf.framework.keras_layers import Convolution
from ghost_tf.layers import ACTIVATIONS, LeakyReLU, activation

# The key of a configuration under which the settings of the layers inside stand.
SUBLAYERS = "sublayers"


def settle(layer: Any) -> None:
    """Name the layers inside `layer` after their paths, and freeze them where it is frozen.

    For the end of a constructor: Keras sets `trainable` before there are any. Those in lists become
    attributes too, without which TensorFlow's checkpoints do not see them.
    """
    for name, child in children(layer).items():
        if not child.built:
            child.name = name
        if not layer.trainable:
            child.trainable = False
        setattr(layer, name, child)


def children(layer: Any) -> dict[str, Any]:
    """The layers inside a layer by their names: attributes, and numbers in lists."""
    found = attributes(layer).items()
    return {name: child for each in found for name, child in _layers(*each)}


def attributes(layer: Any) -> dict[str, Any]:
    """The public attributes of a layer; on PyTorch, layers are in a dictionary of their own."""
    found = {**vars(layer), **vars(layer).get("_modules", {})}
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _layers(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.layers.Layer):
        yield name, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _layers(f"{name}_{index}", item)


class Composed:
    """A layer or model that is made of layers; comes before the Keras class."""

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables of the layers inside, each of which knows what it `takes`."""
        for child in children(self).values():
            shape = getattr(child, "takes", None)
            if not child.built and (shape or isinstance(child, (Composed, Convolution))):
                child.build(shape or input_shape)

    def get_config(self) -> dict[str, Any]:
        """The configuration that Keras saves, with the settings of layers inside."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        inside = dict(_set_inside(self, ""))
        return {**config, SUBLAYERS: inside} if inside else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that Keras saved, its layers as they were set."""
        arguments = {name: value for name, value in config.items() if name != SUBLAYERS}
        layer = cls._from_arguments(arguments)
        for path, settings in config.get(SUBLAYERS, {}).items():
            _set(layer, path.split("."), settings)
        return layer

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> Any:
        return super().from_config(arguments)  # type: ignore[misc]


def serialised(**parts: Any) -> dict[str, Any]:
    """Layers and activations as Keras saves them, activations by their name if they have one."""
    names = {function: name for name, function in ACTIVATIONS.items()}
    return {name: names.get(part) or _saved(part) for name, part in parts.items()}


def revived(arguments: dict[str, Any], *parts: str) -> dict[str, Any]:
    """The reverse: arguments with those of the parts as they were."""
    made = {name: _revived(arguments[name]) for name in parts}
    return {**arguments, **made}


def _saved(part: Any) -> Any:
    is_named = isinstance(part, LeakyReLU)
    return part.__name__ if is_named else saving.serialize_keras_object(part)


def _revived(part: Any) -> Any:
    return activation(part) if isinstance(part, str) else saving.deserialize_keras_object(part)


def _set_inside(layer: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings of layers inside that differ from the layer around them, outer ones first."""
    for name, child in children(layer).items():
        settings = dict(_settings(layer, child))
        if settings:
            yield f"{path}{name}", settings
        yield from _set_inside(child, f"{path}{name}.")


def _settings(layer: Any, child: Any) -> Iterator[tuple[str, Any]]:
    if child.trainable != layer.trainable:
        yield "trainable", child.trainable
    if child.dtype_policy != layer.dtype_policy:
        yield "dtype", dtype_policies.serialize(child.dtype_policy)
        if getattr(child, "quantization_config", None) is not None:
            quantisation = saving.serialize_keras_object(child.quantization_config)
            yield "quantization_config", quantisation


def _set(layer: Any, path: list[str], settings: dict[str, Any]) -> None:
    for name in path:
        layer = children(layer).get(name)
        if layer is None:  # another form of a network lacks some
            return
    if "quantization_config" in settings:
        quantisation = saving.deserialize_keras_object(settings["quantization_config"])
        layer.quantization_config = quantisation
    if "dtype" in settings:
        layer.dtype_policy = dtype_policies.deserialize(settings["dtype"])
    if "trainable" in settings:
        layer.trainable = settings["trainable"]
