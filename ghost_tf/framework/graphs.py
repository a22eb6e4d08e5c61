"""Models of which Keras knows how their layers are connected."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import layers

from weights import ArgumentError


def is_graph(layer: Any) -> bool:
    """Whether Keras can build the model again with other layers, losing nothing."""
    is_of_keras = type(layer).__module__.partition(".")[0] == "keras"
    return is_of_keras and type(layer).__name__ in ("Functional", "Sequential")


def rebuilt(model: Any, made: Mapping[int, Any]) -> Any:
    """A new model with these layers for others, by identity, and copies of all that remain."""
    copies: dict[int, Any] = dict(made)
    originals: list[Any] = []

    def copy_of(layer: Any) -> Any:
        if id(layer) not in copies:
            copies[id(layer)] = _copy(layer, copy_of)
            originals.append(layer)
        return copies[id(layer)]

    rebuilt = _copy(model, copy_of)
    for layer in originals:
        if isinstance(layer, layers.Layer) and not is_graph(layer):
            copies[id(layer)].set_weights(layer.get_weights())
    return rebuilt


def _copy(layer: Any, copy_of: Callable[[Any], Any]) -> Any:
    """A layer of the same configuration; an operation without state is used again."""
    if not isinstance(layer, layers.Layer):
        return layer
    if not is_graph(layer):
        return _from_config(layer)
    copy = keras.models.clone_model(layer, clone_function=copy_of)
    if not layer.trainable:
        copy.trainable = False
    return copy


def _from_config(layer: Any) -> Any:
    try:
        return type(layer).from_config(layer.get_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ArgumentError(
            "every layer of `model` must be one that Keras can build again from its configuration, "
            f"got {layer.name!r} of class {type(layer).__name__}: give it a complete get_config()"
        ) from error
