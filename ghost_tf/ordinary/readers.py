"""Ordinary layers: what a file says of each, and where its tensors stand."""

from typing import Any

from keras import layers

from ghost_tf.framework.keras_layers import Convolution
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

MATRIX = (1, 0)


def convolution(layer: Any) -> Layer:
    """A convolution of any rank."""
    rank = len(layer.kernel_size)
    channels = layer.kernel.shape[rank] * layer.groups
    config = {**_geometry(layer, channels), "padding": _padding(layer)}
    config |= {"c_out": layer.filters, "groups": layer.groups}
    tensors = placed(layer, weight=("kernel", kernel_axes(rank)), bias=("bias",))
    return Layer("convolution", config, tensors)


def depthwise_convolution(layer: Any) -> Layer:
    """A convolution with a group for each channel; kernel (..., C, multiplier)."""
    rank = len(layer.kernel_size)
    channels, multiplier = layer.kernel.shape[rank:]
    config = _geometry(layer, channels)
    config |= {"c_out": channels * multiplier, "groups": channels, "padding": _padding(layer)}
    tensors = placed(layer, weight=("kernel", depthwise_axes(rank)), bias=("bias",))
    return Layer("convolution", config, tensors)


def planned_convolution(layer: Convolution) -> Layer:
    """A convolution of this package's networks."""
    plan = layer.plan
    names = ("c_in", "c_out", "kernel_size", "stride", "dilation", "groups", "bias")
    geometry = (plan.padding, plan.kernel_size, plan.stride, plan.dilation)
    config = {name: getattr(plan, name) for name in names} | {"padding": padding_sides(*geometry)}
    axes = depthwise_axes(2) if plan.depthwise else kernel_axes(2)
    bias = {"bias": ("bias",)} if plan.bias else {}
    return Layer("convolution", config, placed(layer, weight=("kernel", axes), **bias))


def transposed_convolution(layer: Any) -> Layer:
    """A transposed convolution of any rank; kernel (..., O, I)."""
    rank = len(layer.kernel_size)
    if layer.output_padding is not None:
        raise ArgumentError("its `output_padding` is given, which means another size in PyTorch")
    config = _geometry(layer, layer.kernel.shape[rank + 1])
    geometry = (layer.padding, layer.kernel_size, layer.strides, layer.dilation_rate)
    config |= {"c_out": layer.filters, "groups": 1, "padding": output_cuts(*geometry)}
    tensors = placed(layer, weight=("kernel", kernel_axes(rank)), bias=("bias",))
    return Layer("transposed_convolution", config, tensors)


def linear(layer: layers.Dense) -> Layer:
    """A linear layer."""
    features, outputs = layer.kernel.shape
    config = {"in_features": features, "out_features": outputs, "bias": layer.use_bias}
    return Layer("linear", config, placed(layer, weight=("kernel", MATRIX), bias=("bias",)))


def batch_norm(layer: layers.BatchNormalization) -> Layer:
    """A batch normalisation of any rank."""
    config = {"channels": layer.moving_mean.shape[0], "eps": layer.epsilon}
    config["momentum"] = rest_of(layer.momentum)
    places = {"running_mean": ("moving_mean",), "running_var": ("moving_variance",)}
    tensors = {**_vectors(layer), **placed(layer, **places)}
    return Layer("batch_norm", {**config, **_learnt(layer)}, tensors)


def layer_norm(layer: layers.LayerNormalization) -> Layer:
    """A layer normalisation over the last axis."""
    if getattr(layer, "rms_scaling", False):
        raise ArgumentError("its `rms_scaling` leaves the mean in")
    if not layer.weights:  # nor does it know its channels
        return Layer("layer_norm", {"channels": 1, "eps": layer.epsilon, **_learnt(layer)}, {})
    sizes = {tuple(each.shape) for each in (layer.gamma, layer.beta) if each is not None}
    if len(sizes) != 1 or len(shape := sizes.pop()) != 1:
        raise ArgumentError("it normalises axes whose order differs between frameworks")
    config = {"channels": shape[0], "eps": layer.epsilon, **_learnt(layer)}
    return Layer("layer_norm", config, _vectors(layer))


def group_norm(layer: layers.GroupNormalization) -> Layer:
    """A group normalisation."""
    channels = layer.input_spec.axes[layer.axis]
    config = {"channels": channels, "groups": layer.groups, "eps": layer.epsilon}
    return Layer("group_norm", {**config, **_learnt(layer)}, _vectors(layer))


def embedding(layer: layers.Embedding) -> Layer:
    """A table of vectors."""
    config = {"count": layer.input_dim, "features": layer.output_dim}
    return Layer("embedding", config, placed(layer, weight=("embeddings",)))


def prelu(layer: layers.PReLU) -> Layer:
    """A PReLU with a slope for each channel, or one for all."""
    sizes = [size for size in layer.alpha.shape if size != 1]
    if len(sizes) > 1:
        raise ArgumentError("it has a slope for each position: share the other axes")
    return Layer("prelu", {"channels": (*sizes, 1)[0]}, placed(layer, weight=("alpha",)))


def multi_head_attention(layer: Any) -> Layer:
    """Attention whose queries, keys and values have the features of the output."""
    projections = (layer.query_dense, layer.key_dense, layer.value_dense)
    features, heads, size = projections[0].kernel.shape
    shapes = {tuple(each.kernel.shape) for each in projections}
    output = tuple(layer.output_dense.kernel.shape)
    is_plain = len(shapes) == 1 and output == (heads, size, features) and heads * size == features
    if not is_plain or getattr(layer, "_use_gate", False):
        raise ArgumentError("its keys and values are no plain projections of as many features")
    tensors = attention_places(projections, layer.output_dense)
    config = {"features": features, "heads": heads, "bias": "in_proj_bias" in tensors}
    return Layer("multi_head_attention", config, tensors)


def _geometry(layer: Any, channels: int) -> dict[str, Any]:
    return {
        "c_in": channels,
        "kernel_size": tuple(layer.kernel_size),
        "stride": tuple(layer.strides),
        "dilation": tuple(layer.dilation_rate),
        "bias": layer.use_bias,
    }


def _padding(layer: Any) -> Any:
    return padding_sides(layer.padding, layer.kernel_size, layer.strides, layer.dilation_rate)


def _learnt(layer: Any) -> dict[str, bool]:
    return {"weight": layer.gamma is not None, "bias": layer.beta is not None}


def _vectors(layer: Any) -> dict[str, Place]:
    return placed(layer, weight=("gamma",), bias=("beta",))
