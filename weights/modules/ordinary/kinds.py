"""The table of ordinary layers that a file of a user's network may hold."""

from collections.abc import Callable

from weights.errors import ArgumentError
from weights.modules.ordinary import others
from weights.modules.ordinary.convolutions import (
    ConvolutionLayerConfig,
    TransposedConvolutionConfig,
)
from weights.modules.ordinary.layer import LayerConfig

KINDS: dict[str, Callable[..., LayerConfig]] = {
    "convolution": ConvolutionLayerConfig,
    "transposed_convolution": TransposedConvolutionConfig,
    "linear": others.LinearConfig,
    "batch_norm": others.BatchNormConfig,
    "layer_norm": others.LayerNormConfig,
    "group_norm": others.GroupNormConfig,
    "embedding": others.EmbeddingConfig,
    "prelu": others.PReLUConfig,
    "multi_head_attention": others.MultiHeadAttentionConfig,
}


def register(kind: str, configuration: type[LayerConfig]) -> None:
    """Make a kind of layer of your own known to all that reads and writes files.

    Args:
        kind: its name in files.
        configuration: its arguments, a frozen dataclass with a method `shapes`.

    Raises `ArgumentError` where the name stands for another kind.

    >>> from dataclasses import dataclass
    >>> import weights
    >>> @dataclass(frozen=True)
    ... class ScaleConfig(weights.LayerConfig):
    ...     channels: int
    ...
    ...     def shapes(self):
    ...         return {"weight": (self.channels,)}
    >>> weights.register("my_scale", ScaleConfig)
    """
    if KINDS.setdefault(kind, configuration) is not configuration:
        raise ArgumentError(f"`kind` must be a new name, got {kind!r}, which is known")
