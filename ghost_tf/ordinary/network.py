"""The modules of a network that hold tensors, by their paths."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras

from ghost_tf.framework.graphs import is_graph
from ghost_tf.ordinary.layers import held, reader_of
from weights.columns.places import Part

# Attributes in which Keras keeps track of layers that stand elsewhere too.
TRACKING = ("_layers", "_functional", "_operations", "_tracked", "_metrics", "_modules", "_self_")


def parts(
    network: Any, own: tuple[type, ...], path: str = "", named: bool = True
) -> Iterator[Part]:
    """Every place of a network where a module stands that holds tensors of its own, or flattens.

    Nothing is looked for inside the classes of this package, `own`.
    """
    is_layer = isinstance(network, keras.layers.Layer)
    is_known = isinstance(network, own) or reader_of(network) is not None
    if is_known or (is_layer and held(network)) or isinstance(network, keras.layers.Flatten):
        yield Part(path, network, named)
    if is_known:
        return
    for name, child, has_name in children(network):
        yield from parts(child, own, f"{path}.{name}".removeprefix("."), named and has_name)


def children(node: Any) -> Iterator[tuple[Any, Any, bool]]:
    """What stands inside, by names of the user's or, where there are none, by position."""
    if isinstance(node, keras.Sequential):  # its paths are those of PyTorch's
        for index, layer in enumerate(node.layers):
            yield (layer.name if _is_named(layer) else index), layer, True
    elif is_graph(node):
        yield from _of_a_graph(node)
    elif isinstance(node, (list, tuple)):
        yield from ((index, child, True) for index, child in enumerate(node))
    elif isinstance(node, dict):
        yield from ((name, child, True) for name, child in node.items())
    elif isinstance(node, keras.layers.Layer):
        yield from _of_a_class(node)


def _of_a_class(layer: Any) -> Iterator[tuple[str, Any, bool]]:
    """What a layer has in attributes, and then what Keras alone knows to be inside."""
    inside = {
        name: value
        for name, value in vars(layer).items()
        if not name.startswith(TRACKING) and _may_hold_layers(value)
    }
    yield from ((name, value, True) for name, value in inside.items())
    found = {id(each) for value in inside.values() for each in _flat(value)}
    for child in layer._layers:
        if id(child) not in found:
            yield child.name, child, _is_named(child)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _flat(each)
    else:
        yield value


def _of_a_graph(model: Any) -> Iterator[tuple[str, Any, bool]]:
    """The layers of a functional model; those without a name are counted in the model."""
    counts: Counter[str] = Counter()
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        if _is_named(layer):
            yield layer.name, layer, True
        else:
            yield (f"{kind}_{counts[kind]}" if counts[kind] else kind), layer, False
            counts[kind] += 1


def _is_named(layer: Any) -> bool:
    """Whether the name is the user's, and not that which Keras makes of the class."""
    kind = _snake_case(type(layer).__name__)
    return re.fullmatch(rf"{re.escape(kind)}(_\d+)?", layer.name) is None


def _snake_case(name: str) -> str:
    """A class's name as Keras makes layers' names of it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _may_hold_layers(value: Any) -> bool:
    return isinstance(value, (keras.layers.Layer, list, tuple, dict))
