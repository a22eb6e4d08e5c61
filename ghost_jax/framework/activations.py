"""Activations as functions of our own: a module that held JAX's compiled ones cannot be pickled."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


def relu(x: jax.Array) -> jax.Array:
    """max(x, 0)."""
    return jax.nn.relu(x)


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6)."""
    return jax.nn.relu6(x)


def silu(x: jax.Array) -> jax.Array:
    """x / (1 + exp(-x))."""
    return jax.nn.silu(x)


def hard_swish(x: jax.Array) -> jax.Array:
    """x relu6(x + 3) / 6 (Howard et al., ICCV 2019, section 5.2)."""
    return jax.nn.hard_swish(x)


def identity(x: jax.Array) -> jax.Array:
    """x."""
    return x


@dataclass(frozen=True)
class LeakyReLU:
    """max(x, slope x), for slopes up to 1."""

    slope: float

    def __call__(self, x: jax.Array) -> jax.Array:
        """The activation of x."""
        return jnp.where(x > 0, x, self.slope * x)
