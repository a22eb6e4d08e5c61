"""The table of ordinary layers: which are known, and what else a module holds."""

from typing import Any

from keras import layers

from ghost_tf.framework.batch_norm import BatchNorm
from ghost_tf.framework.keras_layers import Convolution, DepthwiseConvolution
from ghost_tf.ordinary import readers
from weights import ArgumentError
from weights.columns.places import BESIDE, QUANTISED, UNBUILT, UNKNOWN, Layer, Reader, reader_among

# Methods in which a layer computes.
CALLS = ("call", "convolution_op", "convolve", "__call__")

READERS: dict[type, Reader] = {
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), readers.convolution),
    **dict.fromkeys(
        (layers.DepthwiseConv1D, layers.DepthwiseConv2D), readers.depthwise_convolution
    ),
    **dict.fromkeys(
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
        readers.transposed_convolution,
    ),
    Convolution: readers.planned_convolution,
    DepthwiseConvolution: readers.planned_convolution,
    layers.Dense: readers.linear,
    **dict.fromkeys((layers.BatchNormalization, BatchNorm), readers.batch_norm),
    layers.LayerNormalization: readers.layer_norm,
    layers.GroupNormalization: readers.group_norm,
    layers.Embedding: readers.embedding,
    layers.PReLU: readers.prelu,
    layers.MultiHeadAttention: readers.multi_head_attention,
}


def register(kind: type, reader: Reader) -> None:
    """Make a layer of your own known to `save_weights` and `load_weights`.

    Args:
        kind: its class.
        reader: a function from the layer to a `weights.Layer`: a kind of `weights.register`, its
            arguments, and a `weights.Place` for every tensor.

    >>> import weights
    >>> class Widened(layers.Dense):
    ...     def call(self, x):
    ...         return super().call(2 * x)
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
        raise ArgumentError(UNKNOWN.format(", ".join(each.name for each in held(module))))
    if not module.built:
        raise ArgumentError(UNBUILT)
    if getattr(module, "quantization_mode", None) or getattr(module, "lora_enabled", False):
        raise ArgumentError(f"{QUANTISED}, or has low-rank weights (LoRA)")
    layer = reader(module)
    known = {id(variable) for variable in layer.variables}
    # Those of layers inside it as well: an activation may be one.
    others = [each.name for each in module.weights if id(each) not in known]
    if others:
        raise ArgumentError(BESIDE.format(", ".join(others)))
    return layer


def held(module: Any) -> list[Any]:
    """The variables that a layer itself holds, random numbers left out."""
    return [*module._trainable_variables, *module._non_trainable_variables]
