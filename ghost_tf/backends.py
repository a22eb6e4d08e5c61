"""The same Keras code on Keras' other backends, each as an implementation in a process of its own.

`ghost-conformance run --implementation ghost_tf.backends:jax` or `:torch`. Keras takes its backend
from the environment when it is first imported, and the suite sets it before.
"""

from collections.abc import Mapping
from typing import Any

import keras

from ghost_tf import adapter
from ghost_tf.adapter import Adapter, strict_arithmetic, versions
from weights import ArgumentError

__all__ = ["jax", "strict_arithmetic", "torch", "versions"]


def jax(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """On JAX."""
    return _build("jax", architecture, config, weights)


def torch(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """On PyTorch."""
    return _build("torch", architecture, config, weights)


def _build(name: str, architecture: str, config: Any, weights: Any) -> Adapter:
    found = keras.backend.backend()
    if found != name:
        raise ArgumentError(
            f"the backend of Keras must be {name}, got {found}: set KERAS_BACKEND={name} before "
            "Keras is imported"
        )
    return adapter.build(architecture, config, weights)
