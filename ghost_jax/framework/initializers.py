"""First values of variables, made without a program for each of their shapes."""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from weights import threefry


def uniform(bound: float) -> nnx.Initializer:
    """Draw from [-bound, bound) the values of `jax.random.uniform`, bit by bit as on a CPU.

    XLA would compile a program for each of the 70 shapes of a GhostNet, in a quarter of a second.
    """

    def init(key: jax.Array, shape: Any, dtype: Any, out_sharding: Any = None) -> jax.Array:
        if out_sharding is not None or jnp.dtype(dtype) != jnp.float32 or not _is_counted(key):
            return jax.random.uniform(key, shape, dtype, -bound, bound)
        words = jax.device_get(jax.random.key_data(key))
        return jax.device_put(threefry.uniform(words, prod(shape), bound).reshape(shape))

    return init


def constant(value: float) -> nnx.Initializer:
    """Fill with a value."""

    def init(key: jax.Array, shape: Any, dtype: Any, out_sharding: Any = None) -> jax.Array:
        return filled(shape, value, dtype, out_sharding)

    return init


def filled(shape: Any, value: float, dtype: Any, sharding: Any = None) -> jax.Array:
    """An array of one value."""
    return jax.device_put(np.full(shape, value, jnp.dtype(dtype)), sharding)


def _is_counted(key: jax.Array) -> bool:
    """Whether value i of what is drawn is Threefry's of the key, known here, and of i alone."""
    config: Any = jax.config
    is_known = not isinstance(key, jax.core.Tracer) and config.jax_threefry_partitionable
    return is_known and str(jax.random.key_impl(key)) == "threefry2x32"
