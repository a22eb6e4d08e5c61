"""The layers of a network as a program makes them."""

from typing import Any

from weights.networks.skeleton import Expression, Words

HEADER = '''
"""The modules of a network at their paths; how they are connected is yours to write.

Batch normalisations are of images: `nn.BatchNorm1d` and `nn.BatchNorm3d` are of other inputs.
"""

import ghost_torch
from torch import nn
'''


def _convolution(part: Any) -> Expression:
    rank = len(part.kernel_size)
    is_even = part.padding != "same" and all(before == after for before, after in part.padding)
    padding = tuple(before for before, _ in part.padding) if is_even else (0,) * rank
    note = "" if is_even else f"pad the input by {part.padding!r} before it"
    options = f"padding={padding}, {_options(part)}, padding_mode={part.padding_mode!r}"
    return Expression(f"nn.Conv{rank}d({_shape(part)}, {options})", note)


def _transposed_convolution(part: Any) -> Expression:
    rank = len(part.kernel_size)
    fits = all(before >= 0 and before - after >= 0 for before, after in part.padding)
    padding = tuple(before for before, _ in part.padding) if fits else (0,) * rank
    added = tuple(b - a for b, a in part.padding) if fits else (0,) * rank
    note = "" if fits else f"cut {part.padding!r} off its output"
    options = f"padding={padding}, output_padding={added}, {_options(part)}"
    return Expression(f"nn.ConvTranspose{rank}d({_shape(part)}, {options})", note)


def _linear(part: Any) -> Expression:
    note = f"reads flattened {part.flattened}" if part.flattened else ""
    return Expression(f"nn.Linear({part.in_features}, {part.out_features}, bias={part.bias})", note)


def _batch_norm(part: Any) -> Expression:
    affine = part.weight and part.bias
    options = f"eps={part.eps}, momentum={part.momentum}, affine={affine}"
    return Expression(f"nn.BatchNorm2d({part.channels}, {options})")


def _layer_norm(part: Any) -> Expression:
    options = f"eps={part.eps}, elementwise_affine={part.weight}, bias={part.bias}"
    return Expression(f"nn.LayerNorm({part.channels}, {options})")


def _group_norm(part: Any) -> Expression:
    options = f"eps={part.eps}, affine={part.weight and part.bias}"
    return Expression(f"nn.GroupNorm({part.groups}, {part.channels}, {options})")


def _embedding(part: Any) -> Expression:
    return Expression(f"nn.Embedding({part.count}, {part.features})")


def _prelu(part: Any) -> Expression:
    return Expression(f"nn.PReLU({part.channels})")


def _attention(part: Any) -> Expression:
    options = f"bias={part.bias}, batch_first=True"
    return Expression(f"nn.MultiheadAttention({part.features}, {part.heads}, {options})")


def _shape(part: Any) -> str:
    return f"{part.c_in}, {part.c_out}, {part.kernel_size}, stride={part.stride}"


def _options(part: Any) -> str:
    return f"dilation={part.dilation}, groups={part.groups}, bias={part.bias}"


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
    base="nn.Module",
    inner_base="nn.Module",
    constructor="self",
    passed="",
    call="forward(self, x)",
    list_of="nn.ModuleList",
    gap="nn.Identity()",
    start="super().__init__()",
    own="ghost_torch.{}({})",
    layers=LAYERS,
    unknown="nn.Module()",
)
