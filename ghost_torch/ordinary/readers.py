"""Ordinary layers: what a file says of each, and where its tensors stand."""

from typing import Any

from torch import nn

from ghost_torch.framework.computed import tensors_of
from weights import ArgumentError
from weights.columns.places import Layer, Place
from weights.modules.ordinary.padding import padding_sides


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
    found = tensors_of(layer, names)
    return {name: Place(tensor) for name, tensor in found.items() if tensor is not None}
