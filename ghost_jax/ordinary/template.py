"""The layers of a network as a program makes them."""

from typing import Any

from weights.arithmetic import rest_of
from weights.modules.ordinary.padding import output_cuts
from weights.networks.skeleton import Expression, Words

HEADER = '''
"""The modules of a network at their paths; how they are connected is yours to write."""

import ghost_jax
import jax.numpy as jnp
from flax import nnx


def prelu(channels):
    layer = nnx.PReLU()
    layer.negative_slope = nnx.Param(jnp.full(channels, 0.25))
    return layer
'''
# Modes of padding by their names here.
MODES = {"circular": "CIRCULAR", "reflect": "REFLECT"}


def _convolution(part: Any) -> Expression:
    padding = MODES.get(part.padding_mode, "SAME" if part.padding == "same" else part.padding)
    options = f"padding={padding!r}, feature_group_count={part.groups}, {_options(part)}"
    return Expression(f"nnx.Conv({_shape(part)}, {options})")


def _transposed_convolution(part: Any) -> Expression:
    # From what is cut off to what is padded it is the same way as back.
    padding = list(output_cuts(part.padding, part.kernel_size, part.stride, part.dilation))
    options = f"padding={padding}, transpose_kernel=True, {_options(part)}"
    return Expression(f"nnx.ConvTranspose({_shape(part)}, {options})")


def _linear(part: Any) -> Expression:
    note = f"reads flattened {part.flattened}, channels first in the file" if part.flattened else ""
    sizes = f"{part.in_features}, {part.out_features}"
    return Expression(f"nnx.Linear({sizes}, use_bias={part.bias}, rngs=rngs)", note)


def _batch_norm(part: Any) -> Expression:
    momentum = f"momentum={rest_of(part.momentum or 0)}"
    return Expression(f"nnx.BatchNorm({part.channels}, {momentum}, {_norm(part)})")


def _layer_norm(part: Any) -> Expression:
    return Expression(f"nnx.LayerNorm({part.channels}, {_norm(part)})")


def _group_norm(part: Any) -> Expression:
    return Expression(f"nnx.GroupNorm({part.channels}, {part.groups}, {_norm(part)})")


def _embedding(part: Any) -> Expression:
    return Expression(f"nnx.Embed({part.count}, {part.features}, rngs=rngs)")


def _prelu(part: Any) -> Expression:
    return Expression(f"prelu({part.channels})")


def _attention(part: Any) -> Expression:
    options = f"use_bias={part.bias}, decode=False, rngs=rngs"
    return Expression(f"nnx.MultiHeadAttention({part.heads}, {part.features}, {options})")


def _shape(part: Any) -> str:
    return f"{part.c_in}, {part.c_out}, {part.kernel_size}, strides={part.stride}"


def _options(part: Any) -> str:
    return f"kernel_dilation={part.dilation}, use_bias={part.bias}, rngs=rngs"


def _norm(part: Any) -> str:
    return f"epsilon={part.eps}, use_scale={part.weight}, use_bias={part.bias}, rngs=rngs"


LAYERS = {
    "convolution": _convolution,
    "transposed_convolution": _transposed_convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "embedding": _embedding,
    "prelu": _prelu,
    "multi_head_attention": _attention,
}
WORDS = Words(
    header=HEADER,
    base="nnx.Module",
    inner_base="nnx.Module",
    constructor="self, rngs",
    passed="rngs",
    call="__call__(self, x)",
    list_of="nnx.List",
    gap="nnx.identity",
    start="",
    own="ghost_jax.{}({}, rngs=rngs)",
    layers=LAYERS,
    unknown="nnx.Module()",
)
