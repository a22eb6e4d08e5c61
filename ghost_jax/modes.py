"""Other ways of running the package, each as an implementation of its own.

`ghost-conformance run --implementation ghost_jax.modes:eager`, and likewise the others.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax import replicas
from ghost_jax.adapter import Adapter, strict_arithmetic, versions
from ghost_jax.exporting.export import EXPORTER
from ghost_jax.weights_io import FRAMEWORK
from weights.columns.adapter import PRECISIONS, Prepare, PreparedAdapter, Run, widened
from weights.deployment.mode import mode

__all__ = [
    "PRECISIONS",
    "bfloat16",
    "eager",
    "float16",
    "float64",
    "multi_process",
    "one_by_one",
    "pure",
    "shard_mapped",
    "stablehlo",
    "strict_arithmetic",
    "versions",
    "vmapped",
]


class Mode(PreparedAdapter, Adapter):
    """One built module that runs in another way; inference only."""

    def _forward(self, x: jax.Array) -> jax.Array:
        self.module.eval()
        return super()._forward(x)


class Eager(Adapter):
    """One built module that runs operation by operation: without jit, training steps too."""

    def _run(self, function: Callable[..., Any], *inputs: jax.Array) -> Any:
        with jax.disable_jit():
            return function(self.module, *inputs)


eager = Eager.build
stablehlo = mode(EXPORTER, Adapter, "stablehlo")


def multi_process(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With replicas in processes of `jax.distributed`, where `ghost_jax` has them in one."""
    return Adapter.build(architecture, config, weights, engine=replicas.over_processes)


def shard_mapped(
    architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
) -> Adapter:
    """With replicas under `jax.shard_map`, where those of `ghost_jax` are a mesh under jit."""
    return Adapter.build(architecture, config, weights, engine=replicas.shard_mapped)


def float64(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Parameters and arithmetic in float64; needs JAX_ENABLE_X64=1."""
    return Mode.build(architecture, config, widened(weights), prepare=_jitted(None))


def bfloat16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Arithmetic in bfloat16, parameters in float32."""
    return _narrow(jnp.bfloat16, architecture, config, weights)


def float16(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Mode:
    """Arithmetic in float16, parameters in float32."""
    return _narrow(jnp.float16, architecture, config, weights)


@Mode.prepared
def pure(module: Any, _: jax.Array) -> Run:
    """As a pure function of its state, under jax.jit."""
    graph, state = nnx.split(module)
    compiled = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    return lambda x: compiled(state, x)


@Mode.prepared
def vmapped(module: Any, _: jax.Array) -> Run:
    """vmap over a stack of single images, under jit."""

    def stacked(module: Any, x: jax.Array) -> jax.Array:
        shared: dict[Any, None] = {...: None}
        axes = nnx.StateAxes(shared)
        return nnx.vmap(lambda module, x: module(x), in_axes=(axes, 0))(module, x[:, None])

    compiled = nnx.jit(stacked)
    return lambda x: compiled(module, x)[:, 0]


@Mode.prepared
def one_by_one(module: Any, _: jax.Array) -> Run:
    """One image at a time, under jit."""
    call = nnx.jit(lambda module, x: module(x))
    return lambda x: jnp.concatenate([call(module, each[None]) for each in x])


def _narrow(dtype: Any, architecture: str, config: Any, weights: Any) -> Mode:
    kind = FRAMEWORK.architectures[architecture]
    module: Any = kind(**config, dtype=dtype, param_dtype=jnp.float32, rngs=nnx.Rngs(0))
    FRAMEWORK.set_state(module, weights)
    return Mode(module, np.float32, _jitted(dtype))


def _jitted(dtype: Any) -> Prepare:
    """Under jit, with inputs of that type, if one is given, and outputs of the inputs' own."""

    def prepare(module: Any, _: jax.Array) -> Run:
        compiled = nnx.jit(lambda module, x: module(x.astype(dtype or x.dtype)).astype(x.dtype))
        return lambda x: compiled(module, x)

    return prepare
