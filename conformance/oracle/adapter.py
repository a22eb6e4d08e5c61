"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.oracle import training, weights_io
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.layout import cast_floating


class Adapter:
    """One built module; inference unless a training step is asked for."""

    def __init__(self, module: Any, dtype: Any) -> None:
        self.module = module
        self.dtype = dtype

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        return self.module(self._input(x))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage of a network, or the output of a layer."""
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        return self.module.stages(self._input(x))

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output with batch statistics, gradients for a cotangent, statistics afterwards."""
        return training.train_step(self.module, self._input(x), self._input(output_cotangent))

    def state(self) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return weights_io.state(self.module)

    def save(self, path: PathLike) -> None:
        """Write the interchange file."""
        weights_io.save_weights(self.module, path)

    def load(self, path: PathLike) -> None:
        """Load an interchange file into the module."""
        weights_io.load_weights(self.module, path, allow_invalid=True)

    def _input(self, x: np.ndarray) -> np.ndarray:
        return cast_floating(x, self.dtype)


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """The module of that architecture and configuration, with these weights and their dtype."""
    module = weights_io.build(architecture, config, weights)
    return Adapter(module, common_dtype(weights))


def versions() -> dict[str, str]:
    """The versions that a report records."""
    return {"numpy": np.__version__}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    return {"float32": "NumPy's own, nothing to switch off"}
