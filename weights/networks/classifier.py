"""The same network for other classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.arithmetic import uniform_bound
from weights.errors import ArgumentError
from weights.networks.architectures import configure
from weights.tensors import LINEAR


def with_classes(
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    num_classes: int,
    seed: int = 0,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The same network with another number of classes and a fresh classifier.

    The classifier is drawn from `seed`, the same in every framework, uniform as PyTorch's is.
    Raises `ArgumentError` for a layer.
    """
    if "num_classes" not in config:
        raise ArgumentError(f"`module` must be a network with a classifier, got a {architecture}")
    changed = configure(architecture, {**config, "num_classes": num_classes})
    generator = np.random.default_rng(seed)
    dtype = next(iter(tensors.values())).dtype
    drawn = dict(tensors)
    bound = 0.0
    for spec in changed.tensors():
        if spec.name not in tensors or tensors[spec.name].shape != spec.shape:
            bound = uniform_bound(spec.shape[1]) if spec.kind == LINEAR else bound
            drawn[spec.name] = generator.uniform(-bound, bound, spec.shape).astype(dtype)
    return changed.to_dict(), {spec.name: drawn[spec.name] for spec in changed.tensors()}
