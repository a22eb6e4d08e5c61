"""The table of ordinary layers: which are known, and what else a module holds."""

from typing import Any

import jax
import numpy as np
from flax import nnx

from ghost_jax.facts import concrete
from ghost_jax.framework.batch_norm import BatchNorm
from ghost_jax.framework.flax_layers import Convolution, DepthwiseConvolution, PointwiseConvolution
from ghost_jax.ordinary import readers
from weights import ArgumentError
from weights.columns.places import BESIDE, UNKNOWN, Layer, Reader, reader_among

# Variables that a call leaves behind, or that draw random numbers: no part of a network's weights.
PASSING = (nnx.Intermediate, nnx.Cache, nnx.RngState)
# Methods in which a layer computes.
CALLS = ("__call__",)

READERS: dict[type, Reader] = {
    nnx.Conv: readers.convolution,
    **dict.fromkeys((Convolution, PointwiseConvolution, DepthwiseConvolution), readers.convolution),
    nnx.ConvTranspose: readers.transposed_convolution,
    nnx.Linear: readers.linear,
    **dict.fromkeys((nnx.BatchNorm, BatchNorm), readers.batch_norm),
    nnx.LayerNorm: readers.layer_norm,
    nnx.GroupNorm: readers.group_norm,
    nnx.Embed: readers.embedding,
    nnx.PReLU: readers.prelu,
    nnx.MultiHeadAttention: readers.multi_head_attention,
}


def register(kind: type, reader: Reader) -> None:
    """Make a layer of your own known to `save_weights` and `load_weights`.

    Args:
        kind: its class.
        reader: a function from the layer to a `weights.Layer`: a kind of `weights.register`, its
            arguments, and a `weights.Place` for every tensor.

    >>> import weights
    >>> class Widened(nnx.Linear):
    ...     def __call__(self, x):
    ...         return super().__call__(2 * x)
    >>> register(Widened, readers.linear)
    """
    READERS[kind] = reader


def reader_of(module: Any) -> Reader | None:
    """The reader of a layer, if it has one."""
    return reader_among(READERS, module, CALLS)


def layer_of(module: Any) -> Layer:
    """An ordinary layer as a file tells it; raises `ArgumentError` that says why it cannot."""
    reader = reader_of(module)
    if reader is None:
        raise ArgumentError(UNKNOWN.format(", ".join(held(module)) or "values"))
    layer = reader(module)
    for variable in layer.variables:
        concrete(variable)
    known = {id(variable) for variable in layer.variables}
    others = [name for name in held(module) if id(getattr(module, name)) not in known]
    if others:
        raise ArgumentError(BESIDE.format(", ".join(others)))
    return layer


def held(module: Any) -> list[str]:
    """The names of the values that a module itself holds: variables but random numbers, arrays."""
    if not isinstance(module, nnx.Pytree):
        return []
    return [name for name, each in vars(module).items() if is_value(each)]


def is_value(each: Any) -> bool:
    """Whether it is a variable of a network, to be kept, or a bare array."""
    if isinstance(each, nnx.Variable):
        return not isinstance(each, PASSING)
    return isinstance(each, (jax.Array, np.ndarray))
