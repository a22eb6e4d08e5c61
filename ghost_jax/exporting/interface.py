"""The function that is exported: float32 in and out, in the layout and the type of its notes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ghost_jax.weights_io import FRAMEWORK
from weights.deployment.copies import copy_in
from weights.deployment.notes import Notes

Call = Callable[[jax.Array], jax.Array]
# From rows, columns, channels to the order of PyTorch, and back.
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def interface(module: Any, notes: Notes, *, native_convolutions: bool = False) -> Call:
    """A pure function of a copy of `module`, with the input and output that the notes tell."""
    made = copy_in(FRAMEWORK, module, notes.dtype)
    made.set_attributes(native_convolutions=native_convolutions, raise_if_not_found=False)
    is_first = notes.layout == "nchw"
    graph, state = nnx.split(made)

    def call(x: jax.Array) -> jax.Array:
        given = x.transpose(LAST) if is_first else x
        out = nnx.merge(graph, state, copy=True)(given.astype(notes.dtype)).astype(jnp.float32)
        return out.transpose(FIRST) if is_first and out.ndim == 4 else out

    return call
