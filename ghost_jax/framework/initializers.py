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
        words = _words(key) if jnp.dtype(dtype) == jnp.float32 else None
        if out_sharding is not None or words is None:
            return jax.random.uniform(key, shape, dtype, -bound, bound)
        return jax.device_put(threefry.uniform(words, prod(shape), bound).reshape(shape))

    return init


def constant(value: float) -> nnx.Initializer:
    """Fill with a value."""

    def init(key: jax.Array, shape: Any, dtype: Any, out_sharding: Any = None) -> jax.Array:
        return jax.device_put(np.full(shape, value, jnp.dtype(dtype)), out_sharding)

    return init


def _words(key: jax.Array) -> np.ndarray | None:
    """The words of a key whose values are Threefry's of it and their count; None of any other."""
    config: Any = jax.config
    if not config.jax_threefry_partitionable or str(jax.random.key_impl(key)) != "threefry2x32":
        return None
    words = jax.random.key_data(key)
    # Under a transformation they are not known, even those of a key from outside.
    return None if isinstance(words, jax.core.Tracer) else jax.device_get(words)
