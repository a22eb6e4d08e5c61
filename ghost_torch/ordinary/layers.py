"""Ordinary layers: what a file says of each, and where its tensors stand."""

from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from ghost_torch.framework.computed import tensor_of
from weights import ArgumentError
from weights.columns.places import BESIDE, UNKNOWN, Layer, Place, Reader, reader_among
from weights.modules.ordinary.convolutions import padding_sides
from weights.replacing.reasons import UNBUILT

# Methods in which a layer computes.
CALLS = ("forward", "_conv_forward", "__call__")
ABSTRACT = "it has no values, only shapes: call module.to_empty(device='cpu') first"


def convolution(layer: Any) -> Layer:
    """A convolution of any rank."""
    geometry = (layer.kernel_size, layer.stride, layer.dilation)
    config = {
        **_channels(layer),
        "padding": padding_sides(layer.padding, *geometry),
        "padding_mode": layer.padding_mode,
    }
    return Layer("convolution", config, _tensors(layer, "weight", "bias"))


def transposed_convolution(layer: Any) -> Layer:
    """A transposed convolution of any rank."""
    sides = zip(layer.padding, layer.output_padding, strict=True)
    cuts = tuple((padding, padding - added) for padding, added in sides)
    config = {**_channels(layer), "padding": cuts}
    return Layer("transposed_convolution", config, _tensors(layer, "weight", "bias"))


def linear(layer: nn.Linear) -> Layer:
    """A linear layer."""
    config = {"in_features": layer.in_features, "out_features": layer.out_features}
    config["bias"] = layer.bias is not None
    return Layer("linear", config, _tensors(layer, "weight", "bias"))


def batch_norm(layer: Any) -> Layer:
    """A batch normalisation of any rank."""
    if layer.running_mean is None:
        raise ArgumentError("it keeps no running statistics")
    config = {"channels": layer.num_features, "eps": layer.eps, "momentum": layer.momentum}
    names = ("weight", "bias", "running_mean", "running_var")
    return Layer("batch_norm", {**config, **_learnt(layer)}, _tensors(layer, *names))


def layer_norm(layer: nn.LayerNorm) -> Layer:
    """A layer normalisation over the last axis."""
    if len(layer.normalized_shape) != 1:
        shape = tuple(layer.normalized_shape)
        raise ArgumentError(f"it normalises {shape}, whose order differs between frameworks")
    config = {"channels": layer.normalized_shape[0], "eps": layer.eps, **_learnt(layer)}
    return Layer("layer_norm", config, _tensors(layer, "weight", "bias"))


def group_norm(layer: nn.GroupNorm) -> Layer:
    """A group normalisation."""
    config = {"channels": layer.num_channels, "groups": layer.num_groups, "eps": layer.eps}
    return Layer("group_norm", {**config, **_learnt(layer)}, _tensors(layer, "weight", "bias"))


def embedding(layer: nn.Embedding) -> Layer:
    """A table of vectors."""
    if layer.max_norm is not None:
        raise ArgumentError("its `max_norm` changes the table as it is read")
    config = {"count": layer.num_embeddings, "features": layer.embedding_dim}
    return Layer("embedding", config, _tensors(layer, "weight"))


def prelu(layer: nn.PReLU) -> Layer:
    """A PReLU with a slope for each channel, or one for all."""
    return Layer("prelu", {"channels": layer.num_parameters}, _tensors(layer, "weight"))


def multi_head_attention(layer: Any) -> Layer:
    """Attention whose queries, keys and values have the features of the output."""
    if not layer._qkv_same_embed_dim or layer.bias_k is not None or layer.add_zero_attn:
        raise ArgumentError("its keys and values are no plain projections of as many features")
    bias = layer.in_proj_bias is not None
    config = {"features": layer.embed_dim, "heads": layer.num_heads, "bias": bias}
    names = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    return Layer("multi_head_attention", config, _tensors(layer, *names))


READERS: dict[type, Reader] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), convolution),
    **dict.fromkeys(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), transposed_convolution
    ),
    nn.Linear: linear,
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm), batch_norm),
    nn.LayerNorm: layer_norm,
    nn.GroupNorm: group_norm,
    nn.Embedding: embedding,
    nn.PReLU: prelu,
    nn.MultiheadAttention: multi_head_attention,
}


def register(kind: type, reader: Reader) -> None:
    """Make a layer of your own known to `save_weights` and `load_weights`.

    Args:
        kind: its class.
        reader: a function from the layer to a `weights.Layer`: a kind of `weights.register`, its
            arguments, and a `weights.Place` for every tensor.

    >>> import weights
    >>> class Widened(nn.Linear):
    ...     def forward(self, x):
    ...         return super().forward(2 * x)
    >>> register(Widened, linear)
    """
    READERS[kind] = reader


def reader_of(module: Any) -> Reader | None:
    """The reader of a layer, if it has one."""
    return reader_among(READERS, module, CALLS)


def layer_of(module: Any) -> Layer:
    """An ordinary layer as a file tells it; raises `ArgumentError` that says why it cannot."""
    reader = reader_of(module)
    if reader is None:
        raise ArgumentError(UNKNOWN.format(", ".join(held(module))))
    values = [*module.parameters(), *module.buffers()]
    if any(is_lazy(each) for each in values):
        raise ArgumentError(UNBUILT)
    if any(each.is_meta for each in values):
        raise ArgumentError(ABSTRACT)
    layer = reader(module)
    others = set(held(module)) - {*layer.tensors, "num_batches_tracked"} - _sources(module)
    if others:
        raise ArgumentError(BESIDE.format(", ".join(sorted(others))))
    return layer


def held(module: nn.Module) -> list[str]:
    """The names of what a module itself holds, and PyTorch saves."""
    own: dict[str, Any] = {}
    module._save_to_state_dict(own, "", keep_vars=True)
    return list(own)


def _sources(module: nn.Module) -> set[str]:
    """The parameters from which hooks compute a tensor."""
    hooks: Any = module._forward_pre_hooks.values()
    names = {getattr(hook, "_tensor_name", getattr(hook, "name", "")) for hook in hooks}
    return {f"{name}_{part}" for name in names for part in ("g", "v", "u", "orig", "mask")}


def _channels(layer: Any) -> dict[str, Any]:
    return {
        "c_in": layer.in_channels,
        "c_out": layer.out_channels,
        "kernel_size": tuple(layer.kernel_size),
        "stride": tuple(layer.stride),
        "dilation": tuple(layer.dilation),
        "groups": layer.groups,
        "bias": layer.bias is not None,
    }


def _learnt(layer: Any) -> dict[str, bool]:
    return {name: getattr(layer, name) is not None for name in ("weight", "bias")}


def _tensors(layer: nn.Module, *names: str) -> dict[str, Place]:
    """The tensors that the layer has, each where it stands."""
    found = {name: tensor_of(layer, name) for name in names}
    return {name: Place(tensor) for name, tensor in found.items() if tensor is not None}
