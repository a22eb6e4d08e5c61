"""Recording the calls of a network's modules, by interception."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax.adapter import strict_arithmetic, versions
from ghost_jax.ghost_conv import ConvNormAct
from ghost_jax.weights_io import FRAMEWORK
from weights.columns.recording import recorder
from weights.columns.recording.calls import Calls

__all__ = ["Recorder", "build", "strict_arithmetic", "versions"]

# Places of the convolution and of its batch normalisation.
CONV_NORM = (0, 1)
CALL = "__call__"


class Recorder(recorder.Recorder):
    """Runs a user's network of Flax NNX."""

    framework = FRAMEWORK
    name = "Flax NNX"

    @contextmanager
    def arithmetic(self, double: bool) -> Iterator[None]:
        with jax.enable_x64(double):
            yield

    def modules(self, network: nnx.Module) -> Iterator[tuple[str, nnx.Module]]:
        found = dict(nnx.iter_modules(network))
        for path, module in found.items():
            names = (_name(found, path[: index + 1]) for index in range(len(path)))
            yield ".".join(name for name in names if name), module

    def tensor(self, array: np.ndarray) -> jax.Array:
        return jax.device_put(array)

    def array(self, value: Any) -> np.ndarray | None:
        if not isinstance(value, jax.Array) or isinstance(value, jax.core.Tracer):
            return None
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            return None
        return np.array(value.astype(jnp.float32) if value.dtype == jnp.bfloat16 else value)

    def widened(self, network: nnx.Module) -> nnx.Module:
        graph, state = nnx.split(network)
        return nnx.merge(graph, jax.tree.map(_widened, state))

    @contextmanager
    def watched(self, network: nnx.Module, calls: Calls) -> Iterator[None]:
        kinds = {type(module) for _, module in nnx.iter_modules(network)}
        own = {kind: getattr(kind, CALL) for kind in kinds if hasattr(kind, CALL)}
        redefined = {kind: CALL in vars(kind) for kind in own}
        try:
            for kind, function in own.items():
                setattr(kind, CALL, calls.intercepting(function))
            yield
        finally:
            for kind, function in own.items():
                if redefined[kind]:
                    setattr(kind, CALL, function)
                else:
                    delattr(kind, CALL)

    def run(self, network: Any, inputs: Sequence[jax.Array], *, training: bool) -> Any:
        network.train() if training else network.eval()
        return network(*inputs)

    def differentiate(self, network: Any, inputs: Sequence[jax.Array]) -> None:
        network.train()

        def weighted_sum(network: Any, *inputs: jax.Array) -> jax.Array:
            output = network(*inputs)
            return (output * self.cotangent(output.shape).astype(output.dtype)).sum()

        nnx.update(network, nnx.jit(nnx.grad(weighted_sum))(network, *inputs))


build = Recorder.build


def _name(found: Mapping[Any, Any], path: tuple[Any, ...]) -> str:
    """The last part of a path as PyTorch has it: parts of a sequence are counted."""
    *above, part = path
    parent = found.get(tuple(above))
    if isinstance(parent, nnx.Sequential) and part == "layers":
        return ""
    if isinstance(parent, ConvNormAct):
        part = next((n for n in CONV_NORM if parent[n] is found.get(path)), part)
    return str(part)


def _widened(value: Any) -> Any:
    return value.astype(jnp.float64) if jnp.issubdtype(value.dtype, jnp.floating) else value
