"""Ordinary layers: what a file says of each, and where its tensors stand."""

from typing import Any

import jax
from flax import nnx

from weights import ArgumentError
from weights.arithmetic import rest_of
from weights.columns.places import (
    Layer,
    Place,
    attention_places,
    depthwise_axes,
    kernel_axes,
    placed,
)
from weights.modules.ordinary.padding import output_cuts, padding_sides

FUNCTION = "it computes by a `{}` of its own"
# Modes of padding that are no zeros, by their names here.
PADDING_MODES = ("circular", "reflect")
MATRIX = (1, 0)


def convolution(layer: nnx.Conv) -> Layer:
    """A convolution of any rank."""
    config = _channels(layer)
    geometry = (config["kernel_size"], config["stride"], config["dilation"])
    if layer.mask is not None or any(size != 1 for size in _each(layer, "input_dilation")):
        raise ArgumentError("its kernel is masked or its input dilated")
    if layer.conv_general_dilated is not jax.lax.conv_general_dilated:
        raise ArgumentError(FUNCTION.format("conv_general_dilated"))
    name = layer.padding.lower() if isinstance(layer.padding, str) else ""
    config |= {
        "groups": layer.feature_group_count,
        "padding": padding_sides(layer.padding, *geometry),
        "padding_mode": name if name in PADDING_MODES else "zeros",
    }
    axes = kernel_axes(len(config["kernel_size"]))
    return Layer("convolution", config, placed(layer, weight=("kernel", axes), bias=("bias",)))


def transposed_convolution(layer: nnx.ConvTranspose) -> Layer:
    """A transposed convolution of any rank."""
    config = _channels(layer)
    if layer.mask is not None:
        raise ArgumentError("its kernel is masked")
    geometry = (config["kernel_size"], config["stride"], config["dilation"])
    config |= {"groups": 1, "padding": output_cuts(layer.padding, *geometry)}
    rank = len(config["kernel_size"])
    # By itself Flax does not turn the kernel around, as the transpose of a convolution does.
    axes = kernel_axes(rank) if layer.transpose_kernel else depthwise_axes(rank)
    flipped = () if layer.transpose_kernel else tuple(range(rank))
    kernel = Place(layer.kernel, axes, flipped)
    return Layer(
        "transposed_convolution", config, {"weight": kernel, **placed(layer, bias=("bias",))}
    )


def linear(layer: nnx.Linear) -> Layer:
    """A linear layer."""
    if layer.dot_general is not jax.lax.dot_general:
        raise ArgumentError(FUNCTION.format("dot_general"))
    config = {"in_features": layer.in_features, "out_features": layer.out_features}
    config["bias"] = layer.bias is not None
    return Layer("linear", config, placed(layer, weight=("kernel", MATRIX), bias=("bias",)))


def batch_norm(layer: nnx.BatchNorm) -> Layer:
    """A batch normalisation of any rank."""
    if layer.axis != -1:
        raise ArgumentError(f"its `axis` is {layer.axis}, where that of the channels is -1")
    config = {"channels": layer.num_features, "eps": layer.epsilon}
    config["momentum"] = rest_of(layer.momentum)
    statistics = placed(layer, running_mean=("mean",), running_var=("var",))
    return Layer("batch_norm", {**config, **_learnt(layer)}, {**_vectors(layer), **statistics})


def layer_norm(layer: nnx.LayerNorm) -> Layer:
    """A layer normalisation over the last axis."""
    axes = (layer.reduction_axes, layer.feature_axes)
    if any(_several(each) not in ((-1,), ()) for each in axes):
        raise ArgumentError("it normalises axes whose order differs between frameworks")
    config = {"channels": layer.num_features, "eps": layer.epsilon, **_learnt(layer)}
    return Layer("layer_norm", config, _vectors(layer))


def group_norm(layer: nnx.GroupNorm) -> Layer:
    """A group normalisation."""
    if layer.reduction_axes is not None:
        raise ArgumentError("it normalises axes of its own")
    channels = layer.num_groups * layer.group_size
    config = {"channels": channels, "groups": layer.num_groups, "eps": layer.epsilon}
    return Layer("group_norm", {**config, **_learnt(layer)}, _vectors(layer))


def embedding(layer: nnx.Embed) -> Layer:
    """A table of vectors."""
    config = {"count": layer.num_embeddings, "features": layer.features}
    return Layer("embedding", config, placed(layer, weight=("embedding",)))


def prelu(layer: nnx.PReLU) -> Layer:
    """A PReLU with a slope for each channel, or one for all."""
    shape = tuple(layer.negative_slope.shape)
    *others, channels = (1, *shape)
    if max((1, *others)) > 1:
        raise ArgumentError(f"its slopes have shape {shape}, where channels come last")
    return Layer("prelu", {"channels": channels}, placed(layer, weight=("negative_slope",)))


def multi_head_attention(layer: Any) -> Layer:
    """Attention whose queries, keys and values have the features of the output."""
    projections = (layer.query, layer.key, layer.value)
    heads, features = layer.num_heads, layer.in_features
    shapes = {tuple(each.kernel.shape) for each in projections}
    is_plain = len(shapes) == 1 and layer.qkv_features == layer.out_features == features
    if not is_plain or layer.normalize_qk or layer.decode:
        raise ArgumentError("its keys and values are no plain projections of as many features")
    tensors = attention_places(projections, layer.out)
    config = {"features": features, "heads": heads, "bias": "in_proj_bias" in tensors}
    return Layer("multi_head_attention", config, tensors)


def _channels(layer: Any) -> dict[str, Any]:
    return {
        "c_in": layer.in_features,
        "c_out": layer.out_features,
        "kernel_size": _several(layer.kernel_size),
        "stride": _each(layer, "strides"),
        "dilation": _each(layer, "kernel_dilation"),
        "bias": layer.bias is not None,
    }


def _each(layer: Any, name: str) -> tuple[int, ...]:
    """A number for each axis, of one for all or of none, which is 1."""
    rank, value = len(_several(layer.kernel_size)), getattr(layer, name)
    return (value or 1,) * rank if isinstance(value, int | None) else tuple(value)


def _several(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _learnt(layer: Any) -> dict[str, bool]:
    return {"weight": layer.scale is not None, "bias": layer.bias is not None}


def _vectors(layer: Any) -> dict[str, Place]:
    return placed(layer, weight=("scale",), bias=("bias",))
