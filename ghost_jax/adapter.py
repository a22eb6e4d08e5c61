"""The package as the conformance suite plugs it in: NumPy arrays in NCHW, in and out."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax
import jax
import numpy as np
from flax import nnx

from ghost_jax.framework.programs import QUICK, jitted
from ghost_jax.replicas import over_mesh
from ghost_jax.weights_io import FRAMEWORK
from weights.columns.adapter import ModuleAdapter
from weights.layout import cast_floating
from weights.tensors import TensorSpec


class Adapter(ModuleAdapter):
    """One built module; inference unless a training step is asked for; always under jit."""

    framework = FRAMEWORK

    def _input(self, x: np.ndarray) -> jax.Array:
        native = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        # jnp.asarray compiles a program for every shape.
        return jax.device_put(cast_floating(native, self.dtype))

    def _to_numpy(self, x: jax.Array) -> np.ndarray:
        array = np.asarray(x)
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array

    def _forward(self, x: jax.Array) -> jax.Array:
        self.module.eval()
        return self._run(_forward, x)

    def _stages(self, x: jax.Array) -> dict[str, jax.Array]:
        self.module.eval()
        return jitted(_stages, self.module, x, quick=QUICK in os.environ)

    def _differentiate(
        self, x: jax.Array, cotangent: jax.Array, specs: Sequence[TensorSpec]
    ) -> tuple[jax.Array, jax.Array, list[Any]]:
        self.module.train()
        output, of_parameters, grad_input = self._run(_train_step, x, cotangent)
        # A module that holds the gradients where the parameters were, to find them by name.
        graph, parameters, *rest = nnx.split(self.module, nnx.Param, ...)
        gradients = jax.tree.unflatten(jax.tree.structure(parameters), of_parameters)
        holder = nnx.merge(graph, gradients, *rest)
        return output, grad_input, list(self.framework.variables_of(holder, specs).values())

    def _run(self, function: Callable[..., Any], *inputs: jax.Array) -> Any:
        """The result of a function of the module and these inputs."""
        is_optimised = function is _forward and self.module.architecture == "ghost_conv"
        quick = QUICK in os.environ and not is_optimised
        return jitted(function, self.module, *inputs, quick=quick)


def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Adapter:
    """One built module, which trains on replicas too."""
    return Adapter.build(architecture, config, weights, engine=over_mesh)


def versions() -> dict[str, str]:
    """The versions that a report records."""
    device = jax.devices()[0].device_kind
    found = {"jax": jax.__version__, "flax": flax.__version__, "device": device}
    return found | ({"optimised": "inference of GhostConv alone"} if QUICK in os.environ else {})


def strict_arithmetic() -> dict[str, str]:
    """Switch off silent rounding of float32 to fewer bits; returns the settings by name."""
    jax.config.update("jax_default_matmul_precision", "highest")
    return {"float32": "jax_default_matmul_precision=highest"}


def _forward(module: Any, x: jax.Array) -> jax.Array:
    return module(x)


def _stages(module: Any, x: jax.Array) -> dict[str, jax.Array]:
    return module.stages(x)


def _train_step(module: Any, x: jax.Array, cotangent: jax.Array) -> tuple[Any, Any, jax.Array]:
    def weighted_sum(module: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        output = module(x)
        return (output * cotangent).sum(), output

    differentiate = nnx.value_and_grad(weighted_sum, argnums=(0, 1), has_aux=True)
    (_, output), (of_parameters, grad_input) = differentiate(module, x)
    return output, jax.tree.leaves(of_parameters), grad_input
