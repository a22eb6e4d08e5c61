"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from ghost_tf import weights_io
from ghost_tf.framework.keras_backends import backend
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
        return _to_numpy(self._forward(self._input(x)))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage of a network, or the output of a layer."""
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        stages = self.module.stages(self._input(x), training=False)
        return {name: _to_numpy(value) for name, value in stages.items()}

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output with batch statistics, gradients for a cotangent, statistics afterwards."""
        inputs = self._input(x)
        specs = weights_io.specs_of(self.module)
        parameters = {
            spec.name: weights_io.variable_of(self.module, spec) for spec in specs if spec.trainable
        }
        cotangent = self._input(output_cotangent)
        sources = [variable.value for variable in parameters.values()]
        output, grad_input, *grads = self._differentiate(inputs, cotangent, sources)
        by_name = dict(zip(parameters, grads, strict=True))
        state = self.state()
        return {
            "output": _to_numpy(output),
            "grad_input": _to_numpy(grad_input),
            "grads": {
                spec.name: weights_io.to_canonical(by_name[spec.name], spec)
                for spec in specs
                if spec.trainable
            },
            "state": {spec.name: state[spec.name] for spec in specs if not spec.trainable},
        }

    def state(self) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return weights_io.state(self.module)

    def save(self, path: PathLike) -> None:
        """Write the interchange file."""
        weights_io.save_weights(self.module, path)

    def load(self, path: PathLike) -> None:
        """Load an interchange file into the module."""
        weights_io.load_weights(self.module, path, allow_invalid=True)

    def _forward(self, x: Any) -> Any:
        """The output in inference."""
        return self.module(x, training=False)

    def _differentiate(self, x: Any, cotangent: Any, sources: list[Any]) -> list[Any]:
        """The output in training, and the gradients of input and sources."""
        return backend().differentiate(self.module, x, cotangent, sources)

    def _input(self, x: np.ndarray) -> Any:
        native = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        return ops.convert_to_tensor(np.ascontiguousarray(cast_floating(native, self.dtype)))


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """The module of that architecture and configuration, with these weights and their dtype."""
    module = weights_io.build(architecture, config, weights)
    return Adapter(module, common_dtype(weights))


def versions() -> dict[str, str]:
    """The versions that a report records."""
    name = keras.backend.backend()
    version = backend().framework.__version__
    return {name: version, "keras": keras.__version__, "backend": name}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    return backend().strict_arithmetic()


def _to_numpy(x: Any) -> np.ndarray:
    array = ops.convert_to_numpy(x)
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array
