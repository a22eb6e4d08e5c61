"""The same Keras code on Keras' other backends, each as an implementation in a process of its own.

`ghost-conformance run --implementation ghost_tf.backends:jax` or `:torch`. Keras takes its backend
from the environment when it is first imported, and the suite sets it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from ghost_tf import weights_io
from ghost_tf.adapter import strict_arithmetic, versions
from weights import ArgumentError
from weights.digests import common_dtype
from weights.layout import cast_floating

__all__ = ["jax", "strict_arithmetic", "torch", "versions"]


class Backend:
    """One built module; inference only."""

    def __init__(self, module: Any, dtype: Any) -> None:
        self.module = module
        self.dtype = dtype

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        return _to_numpy(self.module(self._input(x), training=False))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage, of a network; of a layer, its output."""
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        stages = self.module.stages(self._input(x), training=False)
        return {name: _to_numpy(value) for name, value in stages.items()}

    def state(self) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return weights_io.state(self.module)

    def save(self, path: Any) -> None:
        """Write the interchange file."""
        weights_io.save_weights(self.module, path)

    def load(self, path: Any) -> None:
        """Load an interchange file into the module."""
        weights_io.load_weights(self.module, path, allow_invalid=True)

    def _input(self, x: np.ndarray) -> Any:
        native = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        return ops.convert_to_tensor(np.ascontiguousarray(cast_floating(native, self.dtype)))


def jax(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Backend:
    """On JAX."""
    return _build("jax", architecture, config, weights)


def torch(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Backend:
    """On PyTorch."""
    return _build("torch", architecture, config, weights)


def _build(name: str, architecture: str, config: Any, weights: Any) -> Backend:
    found = keras.backend.backend()
    if found != name:
        raise ArgumentError(
            f"the backend of Keras must be {name}, got {found}: set KERAS_BACKEND={name} before "
            "Keras is imported"
        )
    return Backend(weights_io.build(architecture, config, weights), common_dtype(weights))


def _to_numpy(x: Any) -> np.ndarray:
    array = ops.convert_to_numpy(x)
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array
