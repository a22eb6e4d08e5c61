"""The table of ordinary layers that a file of a user's network may hold."""

from collections.abc import Callable, Mapping
from functools import cache

from weights.errors import ArgumentError
from weights.modules.ordinary.layer import LayerConfig

Kinds = Mapping[str, Callable[..., LayerConfig]]

# What users have made known.
REGISTERED: dict[str, Callable[..., LayerConfig]] = {}


def kinds() -> Kinds:
    """Every kind that is known, with what makes its configuration."""
    return {**_own(), **REGISTERED}


@cache
def _own() -> Kinds:
    """The kinds of this project, imported when a user's network is read or written."""
    from weights.modules.ordinary import convolutions, others

    return {
        "convolution": convolutions.ConvolutionLayerConfig,
        "transposed_convolution": convolutions.TransposedConvolutionConfig,
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
    if kinds().get(kind, configuration) is not configuration:
        raise ArgumentError(f"`kind` must be a new name, got {kind!r}, which is known")
    REGISTERED[kind] = configuration
