"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ghost_tf.framework.keras_backends import backend
from ghost_tf.replicas import engine
from ghost_tf.weights_io import Framework
from weights.columns.adapter import ModuleAdapter
from weights.layout import cast_floating
from weights.tensors import TensorSpec


class ToBeFilled(Framework):
    """Makes modules of one name, without random numbers, which the weights would replace.

    TensorFlow takes a millisecond for every name of a variable, and half of one to draw it.
    """

    def make(self, architecture: str, config: Mapping[str, Any], dtype: np.dtype) -> Any:
        """The module, with its architecture for a name and zeros for kernels and biases."""
        zeros = dict.fromkeys(("kernel_initializer", "bias_initializer"), ops.zeros)
        return super().make(architecture, {**config, **zeros, "name": architecture}, dtype)


class Adapter(ModuleAdapter):
    """One built module; inference unless a training step is asked for."""

    framework = ToBeFilled()

    def _input(self, x: np.ndarray) -> Any:
        native = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        return ops.convert_to_tensor(np.ascontiguousarray(cast_floating(native, self.dtype)))

    def _to_numpy(self, x: Any) -> np.ndarray:
        array = ops.convert_to_numpy(x)
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array

    def _forward(self, x: Any) -> Any:
        return self.module(x, training=False)

    def _stages(self, x: Any) -> dict[str, Any]:
        return self.module.stages(x, training=False)

    def _differentiate(
        self, x: Any, cotangent: Any, specs: Sequence[TensorSpec]
    ) -> tuple[Any, Any, list[Any]]:
        variables = self.framework.variables_of(self.module, specs).values()
        sources = [variable.value for variable in variables]
        output, grad_input, *grads = self._gradients(x, cotangent, sources)
        return output, grad_input, grads

    def _gradients(self, x: Any, cotangent: Any, sources: list[Any]) -> list[Any]:
        """The output in training, and the gradients of input and sources."""
        return backend().differentiate(self.module, x, cotangent, sources)


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """One built module, which trains on replicas too."""
    return Adapter.build(architecture, config, weights, engine=engine())


def versions() -> dict[str, str]:
    """The versions that a report records."""
    name = keras.backend.backend()
    version = backend().framework.__version__
    return {name: version, "keras": keras.__version__, "backend": name}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    return backend().strict_arithmetic()
