"""Deployed layers and a network of JAX on an NVIDIA GPU: `python -m benchmarks.gpu.jax_rows`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import ghost_jax
from benchmarks.gpu.pallas_pair import pair
from benchmarks.gpu.table import LAYERS, show
from benchmarks.measure import interleaved

# Images, so many that the GPU's time is more than that of a call.
KINDS = ((256, jnp.float32), (1024, jnp.float16))
# What a kernel may differ by from XLA, in float16.
SHARE = 1e-2


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer rounds.")
def main(quick: bool) -> None:
    """Milliseconds, medians of interleaved rounds; float32 without TF32."""
    print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}")
    with jax.default_matmul_precision("highest"):
        for layer in LAYERS:
            for batch, dtype in KINDS:
                runs = layers(*layer, batch, dtype)
                times = interleaved(runs, quick=quick)
                show(f"1x1 {layer}, batch {batch}, {dtype.__name__}", times)
        for batch, dtype in ((1, jnp.float32), (64, jnp.float16)):
            times = interleaved(network(batch, dtype), quick=quick)
            show(f"ghostnet_100, batch {batch}, {dtype.__name__}", times)


def layers(
    c_in: int, c_out: int, size: int, batch: int, dtype: Any
) -> dict[str, Callable[[], Any]]:
    """The deployed layer as XLA compiles it, and both halves in one kernel."""
    module = ghost_jax.GhostConv(c_in, c_out, rngs=nnx.Rngs(0))
    module.eval()
    ours = ghost_jax.deploy(module)
    x = jax.random.normal(jax.random.key(0), (batch, size, size, c_in), dtype)
    first, second = ours.primary_conv.conv, ours.cheap_conv.conv
    tensors = first.kernel[0, 0], first.bias, second.kernel.reshape(9, -1), second.bias
    kernel = jax.jit(partial(pair, act=jax.nn.relu))
    runs = {"XLA": compiled(ours, x), "one kernel": partial(kernel, x, *narrow(tensors, dtype))}
    np.testing.assert_allclose(*(np.asarray(run()) for run in runs.values()), SHARE, SHARE)
    return {name: partial(waited, run) for name, run in runs.items()}


def network(batch: int, dtype: Any) -> dict[str, Callable[[], Any]]:
    """ghostnet_100 in inference, in training form and deployed."""
    module = ghost_jax.ghostnet_100(rngs=nnx.Rngs(0))
    module.eval()
    x = jax.random.normal(jax.random.key(0), (batch, 224, 224, 3), dtype)
    models = {"ours": module, "ours deployed": ghost_jax.deploy(module)}
    return {name: partial(waited, compiled(model, x)) for name, model in models.items()}


def compiled(module: Any, x: jax.Array) -> Callable[[], jax.Array]:
    """A call of a module that is split once, its variables in the input's type."""
    graph, state = nnx.split(module)
    call = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    return partial(call, narrow(state, x.dtype), x)


def narrow(tree: Any, dtype: Any) -> Any:
    """Numbers of float32 in another type."""
    return jax.tree.map(lambda x: x.astype(dtype) if x.dtype == jnp.float32 else x, tree)


def waited(run: Callable[[], jax.Array]) -> None:
    """A call, to its end."""
    run().block_until_ready()


if __name__ == "__main__":
    main()
