"""A model's convolutions replaced by ghost convolutions."""

from collections.abc import Iterator
from typing import Any, TypeVar

import keras
from keras import layers

from ghost_tf.framework.graphs import is_graph, rebuilt
from ghost_tf.ghost_conv import GhostConv
from ghost_tf.replacing import convolutions, measuring
from ghost_tf.weights_io import FRAMEWORK
from weights import ArgumentError, GhostConvConfig
from weights.replacing.models import Replacing, check_model, decide
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Rules

COLUMN = Replacing(FRAMEWORK, convolutions, measuring)
INSIDE = "it is part of a layer that Keras builds as a whole"

Model = TypeVar("Model", bound=keras.Model)


def replaced(model: Model, rules: Rules, example: Any) -> tuple[Model, ReplacementReport]:
    """What `replace_convolutions` returns, by rules that are checked."""
    _check_model(model)
    places = list(_places(model))
    obstacles = {id(layer): INSIDE for _, layer, is_fixed in places if is_fixed}
    named = [(path, layer) for path, layer, _ in places]
    report, ghosts = decide(
        COLUMN, rules, named, obstacles, _ghost, example,
        lambda report: (model, report.replaced_among(dict(named))),
    )  # fmt: skip
    return rebuilt(model, ghosts), report


def _check_model(model: Any) -> None:
    check_model(model, layers.Layer, "keras.Model", convolutions)
    if not is_graph(model):
        raise ArgumentError(
            f"`model` must be a Functional or Sequential model, got {type(model).__name__}, of "
            "which Keras does not know how its layers are connected: build it with GhostConv, or "
            "replace the convolutions of the Functional models within it"
        )


def _places(layer: Any, path: str = "", is_fixed: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Every layer at every place, and whether Keras can put no other one there."""
    yield path, layer, is_fixed
    if isinstance(layer, convolutions.GHOSTS):
        return
    is_fixed = is_fixed or not is_graph(layer)
    children = layer._flatten_layers(False, recursive=False) if is_fixed else layer.layers
    for child in children:
        yield from _places(child, f"{path}.{child.name}" if path else child.name, is_fixed)


def _ghost(layer: Any, config: GhostConvConfig) -> GhostConv:
    """The GhostConv in the convolution's stead: name, types, order of axes, frozen or not."""
    options = {"name": layer.name, "dtype": layer.dtype_policy, "trainable": layer.trainable}
    return GhostConv(**config.to_dict(), data_format=layer.data_format, **options)
