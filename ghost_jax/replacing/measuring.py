"""Convolutions of a model that runs: their inputs and outputs, and how long they take."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ghost_jax.layers import activation
from weights.replacing.example import Instead
from weights.replacing.following import next_to

# Modules mostly run in the order of their definition; the graph is not known.
following = next_to


def inputs(
    model: nnx.Module,
    convolutions: Mapping[str, Any],
    example: Any,
    instead: Instead | None = None,
) -> dict[str, list[jax.Array]]:
    """What each convolution is given, by its path, when the model runs on the example.

    `model` stays changed: it is a copy.
    """
    seen: dict[str, list[jax.Array]] = {path: [] for path in convolutions}

    class Watched(nnx.Conv):
        path: str

        def __call__(self, inputs: jax.Array, *others: Any, **options: Any) -> jax.Array:
            other = None
            if not isinstance(inputs, jax.core.Tracer):
                seen[self.path].append(inputs)
                other = instead(self.path, inputs) if instead else None
            return other if other is not None else super().__call__(inputs, *others, **options)

    for path, conv in convolutions.items():
        conv.__class__ = Watched
        conv.path = path
    model.eval()
    with jax.disable_jit():  # values, where the model compiles itself
        model(*example)
    return seen


def timed(module: nnx.Module, inputs: Sequence[jax.Array]) -> Callable[[], Any]:
    """A call of a convolution or GhostConv in inference on these inputs."""
    copy = nnx.clone(module)
    copy.eval()
    graph, state = nnx.split(copy)
    run = jax.jit(lambda state, inputs: [nnx.merge(graph, state)(x) for x in inputs])
    return lambda: jax.block_until_ready(run(state, list(inputs)))


def outputs(conv: Any, x: jax.Array) -> np.ndarray:
    """The convolution's output without its activation: (N, C, H, W), in float64."""
    return np.moveaxis(np.asarray(conv(x), np.float64), -1, 1)


def activated(name: str, x: np.ndarray) -> np.ndarray:
    """The activation of that name, of an array in float64."""
    return np.asarray(activation(name)(jnp.asarray(x, jnp.float32)), np.float64)


def variables(conv: Any) -> tuple[Any, Any]:
    """Kernel and bias; `None` where there is no bias."""
    return conv.kernel, conv.bias
