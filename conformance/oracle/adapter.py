"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.oracle import training
from conformance.oracle.weights_io import FRAMEWORK
from weights.columns.adapter import ModuleAdapter
from weights.layout import cast_floating
from weights.tensors import TensorSpec


class Adapter(ModuleAdapter):
    """One built module; inference unless a training step is asked for."""

    framework = FRAMEWORK

    def _input(self, x: np.ndarray) -> np.ndarray:
        return cast_floating(x, self.dtype)

    def _to_numpy(self, x: np.ndarray) -> np.ndarray:
        return x

    def _forward(self, x: np.ndarray) -> np.ndarray:
        return self.module(x)

    def _stages(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return self.module.stages(x)

    def _differentiate(
        self, x: np.ndarray, cotangent: np.ndarray, specs: Sequence[TensorSpec]
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        step = training.train_step(self.module, x, cotangent)
        return step["output"], step["grad_input"], [step["grads"][spec.name] for spec in specs]


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """One built module, which trains on replicas too."""
    return Adapter.build(architecture, config, weights, engine=training.train_on_replicas)


def versions() -> dict[str, str]:
    """The versions that a report records."""
    return {"numpy": np.__version__}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    return {"float32": "NumPy's own, nothing to switch off"}
