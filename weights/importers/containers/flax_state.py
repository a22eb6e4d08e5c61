"""The state of a Flax NNX module as a pure dict: nested names, arrays, no framework's types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from weights.architectures import configure
from weights.file import WeightFile
from weights.importers.containers.container import Arrays, Place, needed
from weights.importers.containers.description import Description
from weights.layout import to_channels_last
from weights.tensors import TensorSpec

# Between the parts of a path in a flat state.
SEPARATOR = "/"
Tree = dict[str, Any]


def places(description: Description) -> Mapping[str, Place]:
    """Where the module itself has each tensor, and the shape of the variable."""
    paths = module_paths(description.architecture, description.config)
    specs = configure(description.architecture, description.config).tensors()
    return {spec.name: Place(paths[spec.name], _native_shape(spec)) for spec in specs}


def module_paths(architecture: str, config: Mapping[str, Any]) -> dict[str, str]:
    """The path of every tensor's variable in the state of the module, by canonical name."""
    with needed("a file of Flax", "jax"):
        from flax import nnx

        from ghost_jax.weights_io import build, variable_of
    specs = list(configure(architecture, config).tensors())
    module = build(architecture, config, {s.name: np.zeros(s.shape, np.float32) for s in specs})
    paths = {id(node): SEPARATOR.join(map(str, path)) for path, node in nnx.iter_graph(module)}
    return {spec.name: paths[id(variable_of(module, spec))] for spec in specs}


def pure_dict(file: WeightFile) -> Tree:
    """What `nnx.to_pure_dict` gives of the parameters and statistics, every key a string.

    Integer keys become strings in msgpack and in Orbax, so they are strings from the start.
    """
    paths = module_paths(file.architecture, file.config)
    tree: Tree = {}
    for spec in configure(file.architecture, file.config).tensors():
        *folders, leaf = paths[spec.name].split(SEPARATOR)
        branch = tree
        for name in folders:
            branch = branch.setdefault(name, {})
        branch[leaf] = to_channels_last(file.tensors[spec.name], spec)
    return tree


def flatten(tree: Mapping[Any, Any]) -> Arrays:
    """The leaves of a pure dict by path.

    >>> flatten({"stages": {0: {"kernel": np.zeros(2)}}}).keys()
    dict_keys(['stages/0/kernel'])
    """
    return dict(_leaves(tree, ()))


def _leaves(tree: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in tree.items():
        inner = (*path, str(name))
        if isinstance(value, Mapping):
            yield from _leaves(value, inner)
        else:
            yield SEPARATOR.join(inner), np.asarray(value)


def _native_shape(spec: TensorSpec) -> tuple[int, ...]:
    return to_channels_last(np.broadcast_to(np.int8(0), spec.shape), spec).shape
