"""JAX: modules that are split once, under jax.jit; what nnx.jit adds to a call by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import ghost_jax
from benchmarks.measure import emit, rows
from benchmarks.shapes import BATCHES, NETWORKS, Shape, layer_shapes
from ghost_jax import weights_io
from weights import configure
from weights.tensors import RUNNING_VAR


class ConvNorm(nnx.Module):
    """Convolution, batch normalisation and ReLU in Flax's own layers."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1,
                 *, norm: bool = True) -> None:  # fmt: skip
        padding = [(kernel // 2, kernel // 2)] * 2
        self.conv = nnx.Conv(
            c_in, c_out, (kernel, kernel), stride, padding=padding, use_bias=not norm,
            feature_group_count=groups, rngs=nnx.Rngs(0),
        )  # fmt: skip
        self.norm = nnx.BatchNorm(c_out, rngs=nnx.Rngs(0)) if norm else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        x = self.conv(x)
        return nnx.relu(x if self.norm is None else self.norm(x))


class Naive(nnx.Module):
    """The layer as anyone would write it."""

    def __init__(self, shape: Shape) -> None:
        inner = shape.c_out // shape.ratio
        self.primary = ConvNorm(shape.c_in, inner, shape.kernel_size, shape.stride)
        self.cheap = ConvNorm(inner, shape.c_out - inner, 3, groups=inner)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Shapes: x: (N, H, W, C) to (N, H', W', C')."""
        primary = self.primary(x)
        return jnp.concatenate([primary, self.cheap(primary)], -1)


def layer(*, quick: bool) -> None:
    """Every shape, forward and a training step."""
    for shape in layer_shapes(quick=quick):
        x, modules = image(shape.batch, shape.size, shape.c_in), trained(shape)
        forward = {name: forward_of(module, x) for name, module in modules.items()}
        forward["plain deployed"] = forward_of(plain(shape, norm=False), x)
        forward["ours deployed"] = forward_of(ghost_jax.deploy(modules["ours"]), x)
        emit(rows("jax", "layer", str(shape), "forward", forward, quick=quick))
        emit(rows("jax", "layer", str(shape), "forward + backward", steps(shape), quick=quick))


def trained(shape: Shape) -> dict[str, Any]:
    """The layer as anyone would write it, the convolution that it replaces, and ours."""
    ours = ghost_jax.GhostConv(**shape.arguments, rngs=nnx.Rngs(0))
    return {"naive": Naive(shape), "plain": plain(shape), "ours": ours}


def plain(shape: Shape, *, norm: bool = True) -> ConvNorm:
    """The convolution that a GhostConv replaces."""
    return ConvNorm(shape.c_in, shape.c_out, shape.kernel_size, shape.stride, norm=norm)


def steps(shape: Shape) -> dict[str, Callable[[], Any]]:
    """Training steps, each waiting for its gradients."""
    x = image(shape.batch, shape.size, shape.c_in)
    return {name: step_of(module, x) for name, module in trained(shape).items()}


def network(*, quick: bool) -> None:
    """Every network, and the same one with plain convolutions."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        ours, plain = built(architecture, config), built(architecture, config | {"ratio": 1})
        for batch in BATCHES:
            x = image(batch, size, 3)
            runs = {
                "plain": forward_of(plain, x),
                "ours": forward_of(ours, x),
                "plain deployed": forward_of(ghost_jax.deploy(plain), x),
                "ours deployed": forward_of(ghost_jax.deploy(ours), x),
            }
            emit(rows("jax", "network", f"{name} batch {batch}", "forward", runs, quick=quick))
        emit(rows("jax", "network", f"{name} @33", "dispatch", calls(ours), quick=quick))


def calls(module: Any) -> dict[str, Callable[[], Any]]:
    """The same small inference called in every way that Flax has: what differs is Flax's."""
    module.eval()
    x = image(1, 33, 3)
    jitted = nnx.jit(lambda module, x: module(x))
    cached = nnx.cached_partial(jitted, module)
    return {
        "nnx.jit": lambda: jax.block_until_ready(jitted(module, x)),
        "nnx.cached_partial": lambda: jax.block_until_ready(cached(x)),
        "split + jax.jit": forward_of(module, x),
    }


def built(architecture: str, config: dict[str, Any]) -> Any:
    """A network with random tensors: drawing them in Flax compiles for a long time."""
    generator = np.random.default_rng(0)
    tensors = {
        spec.name: generator.normal(0, 0.1, spec.shape).astype(np.float32)
        ** (2 if spec.kind == RUNNING_VAR else 1)
        for spec in configure(architecture, config).tensors()
    }
    return weights_io.build(architecture, config, tensors)


def forward_of(module: Any, x: jax.Array) -> Callable[[], Any]:
    """Inference."""
    graph, state = nnx.split(module)

    @jax.jit
    def call(state: Any, x: jax.Array) -> Any:
        module = nnx.merge(graph, state)
        module.eval()
        return module(x)

    return lambda: jax.block_until_ready(call(state, x))


def step_of(module: Any, x: jax.Array) -> Callable[[], Any]:
    """Output and gradients of everything, in training."""
    module.train()
    graph, parameters, rest = nnx.split(module, nnx.Param, ...)
    held, tree = jax.tree.flatten(rest)

    def loss(parameters: Any, x: jax.Array) -> jax.Array:
        module = nnx.merge(graph, parameters, jax.tree.unflatten(tree, held))
        return jnp.square(module(x)).sum()

    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    return lambda: jax.block_until_ready(step(parameters, x))


def image(batch: int, size: int, channels: int) -> jax.Array:
    """Random numbers."""
    shape = (batch, size, size, channels)
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
