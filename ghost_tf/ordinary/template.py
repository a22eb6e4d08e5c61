"""The layers of a network as a program makes them."""

from typing import Any

from weights.arithmetic import rest_of
from weights.modules.ordinary.padding import output_cuts, padding_sides
from weights.networks.skeleton import Expression, Words

HEADER = '''
"""The modules of a network at their paths; how they are connected is yours to write."""

import ghost_tf
import keras
from keras import layers


def built(layer, *shapes):
    layer.build(*shapes)
    return layer
'''
# Ranks of depthwise convolutions.
DEPTHWISE = (1, 2)


def _convolution(part: Any) -> Expression:
    rank = len(part.kernel_size)
    geometry = (part.kernel_size, part.stride, part.dilation)
    fitting = (each for each in ("valid", "same") if padding_sides(each, *geometry) == part.padding)
    padding = next(fitting, "") if part.padding_mode == "zeros" else ""
    note = "" if padding else f"pad the input by {part.padding!r} ({part.padding_mode}) before it"
    options = f"padding={padding or 'valid'!r}, {_options(part)}"
    if part.groups == part.c_in > 1 and rank in DEPTHWISE and len({*part.stride}) == 1:
        made = f"layers.DepthwiseConv{rank}D({part.kernel_size}, strides={part.stride}, {options}"
        made += f", depth_multiplier={part.multiplier})"
    else:
        made = f"layers.Conv{rank}D({_shape(part)}, {options}, groups={part.groups})"
    return _built(made, (None,) * (rank + 1) + (part.c_in,), note=note)


def _transposed_convolution(part: Any) -> Expression:
    rank = len(part.kernel_size)
    geometry = (part.kernel_size, part.stride, part.dilation)
    fitting = (each for each in ("valid", "same") if output_cuts(each, *geometry) == part.padding)
    padding = next(fitting, "")
    note = "" if padding else f"cut {part.padding!r} off its output"
    options = f"padding={padding or 'valid'!r}, {_options(part)}"
    made = f"layers.Conv{rank}DTranspose({_shape(part)}, {options})"
    return _built(made, (None,) * (rank + 1) + (part.c_in,), note=note)


def _linear(part: Any) -> Expression:
    note = f"reads flattened {part.flattened}, channels first in the file" if part.flattened else ""
    made = f"layers.Dense({part.out_features}, use_bias={part.bias})"
    return _built(made, (None, part.in_features), note=note)


def _batch_norm(part: Any) -> Expression:
    momentum = f"momentum={rest_of(part.momentum or 0)}"
    made = f"layers.BatchNormalization({momentum}, {_norm(part)})"
    return _built(made, (None, None, None, part.channels))


def _layer_norm(part: Any) -> Expression:
    return _built(f"layers.LayerNormalization({_norm(part)})", (None, part.channels))


def _group_norm(part: Any) -> Expression:
    made = f"layers.GroupNormalization({part.groups}, {_norm(part)})"
    return _built(made, (None, None, None, part.channels))


def _embedding(part: Any) -> Expression:
    return _built(f"layers.Embedding({part.count}, {part.features})", (None,))


def _prelu(part: Any) -> Expression:
    shared = (1, 2) if part.channels > 1 else (1, 2, 3)
    return _built(f"layers.PReLU(shared_axes={shared})", (None, None, None, part.channels))


def _attention(part: Any) -> Expression:
    made = f"layers.MultiHeadAttention({part.heads}, {part.head_size}, use_bias={part.bias})"
    shape = (None, None, part.features)
    return _built(made, shape, shape)


def _built(made: str, *shapes: tuple[int | None, ...], note: str = "") -> Expression:
    return Expression(f"built({made}, {', '.join(map(str, shapes))})", note)


def _shape(part: Any) -> str:
    return f"{part.c_out}, {part.kernel_size}, strides={part.stride}"


def _options(part: Any) -> str:
    return f"dilation_rate={part.dilation}, use_bias={part.bias}"


def _norm(part: Any) -> str:
    return f"epsilon={part.eps}, scale={part.weight}, center={part.bias}"


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
    base="keras.Model",
    inner_base="layers.Layer",
    constructor="self",
    passed="",
    call="call(self, x)",
    list_of="",
    gap="layers.Identity()",
    start="super().__init__()",
    own="ghost_tf.{}({})",
    layers=LAYERS,
    unknown="layers.Identity()",
)
