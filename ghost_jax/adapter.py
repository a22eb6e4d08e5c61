"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax import weights_io
from weights.files.digests import common_dtype
from weights.files.storage import PathLike
from weights.layout import cast_floating


class Adapter:
    """One built module; inference unless a training step is asked for; always under jit."""

    def __init__(self, module: Any, dtype: Any) -> None:
        self.module = module
        self.dtype = dtype

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, C', H', W') or (N, classes)."""
        self.module.eval()
        return _to_numpy(_forward(self.module, self._input(x)))

    def taps(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage of a network, or the output of a layer."""
        self.module.eval()
        if not hasattr(self.module, "stages"):
            return {"output": self(x)}
        stages = _stages(self.module, self._input(x))
        return {name: _to_numpy(value) for name, value in stages.items()}

    def train_step(self, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        """Output with batch statistics, gradients for a cotangent, statistics afterwards."""
        self.module.train()
        inputs = self._input(x)
        specs = weights_io.specs_of(self.module)
        cotangent = self._input(output_cotangent)
        output, of_parameters, grad_input = _train_step(self.module, inputs, cotangent)
        # A module that holds the gradients where the parameters were, to find them by name.
        graph, _, *rest = nnx.split(self.module, nnx.Param, ...)
        holder = nnx.merge(graph, of_parameters, *rest)
        grads = {
            spec.name: weights_io.variable_of(holder, spec) for spec in specs if spec.trainable
        }
        state = self.state()
        return {
            "output": _to_numpy(output),
            "grad_input": _to_numpy(grad_input),
            "grads": {
                spec.name: weights_io.to_canonical(grads[spec.name], spec)
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

    def _input(self, x: np.ndarray) -> jax.Array:
        native = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        return jnp.asarray(cast_floating(native, self.dtype))


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """The module of that architecture and configuration, with these weights and their dtype."""
    module = weights_io.build(architecture, config, weights)
    return Adapter(module, common_dtype(weights))


def versions() -> dict[str, str]:
    """The versions that a report records."""
    device = jax.devices()[0].device_kind
    return {"jax": jax.__version__, "flax": flax.__version__, "device": device}


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    jax.config.update("jax_default_matmul_precision", "highest")
    return {"float32": "jax_default_matmul_precision=highest"}


@nnx.jit
def _forward(module: Any, x: jax.Array) -> jax.Array:
    return module(x)


@nnx.jit
def _stages(module: Any, x: jax.Array) -> dict[str, jax.Array]:
    return module.stages(x)


@nnx.jit
def _train_step(module: Any, x: jax.Array, cotangent: jax.Array) -> tuple[Any, Any, jax.Array]:
    def weighted_sum(module: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        output = module(x)
        return (output * cotangent).sum(), output

    differentiate = nnx.value_and_grad(weighted_sum, argnums=(0, 1), has_aux=True)
    (_, output), (of_parameters, grad_input) = differentiate(module, x)
    return output, of_parameters, grad_input


def _to_numpy(x: jax.Array) -> np.ndarray:
    array = np.asarray(x)
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array
