"""Linear layers, normalisations, embeddings, PReLU and attention."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, ClassVar

from weights import checks, tensors
from weights.errors import ArgumentError
from weights.modules.arguments import Momentum
from weights.modules.ordinary.layer import (
    NORM,
    LayerConfig,
    optional,
    sizes,
    vectors,
)
from weights.text import brief


def _flattened(name: str, value: object) -> tuple[int, ...]:
    """Channels and sizes of a flattened image."""
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        raise ArgumentError(f"`{name}` must be (channels, height, width), got {brief(value)}")
    return (checks.integer(name, value[0], minimum=1), *sizes(name, value[1:], minimum=1))


@dataclass(frozen=True)
class LinearConfig(LayerConfig):
    """A linear layer; `flattened` has (C, H, W) where its input is a flattened image.

    Its columns are in the order C, H, W then.
    """

    in_features: int
    out_features: int
    bias: bool
    flattened: Annotated[Any, optional(_flattened)] = None

    kinds: ClassVar[Mapping[str, str]] = {"weight": tensors.LINEAR, "bias": tensors.LINEAR_BIAS}

    def check_together(self) -> None:
        """Check that a flattened image has as many values as the input."""
        if self.flattened and prod(self.flattened) != self.in_features:
            raise ArgumentError(
                f"`flattened` must have {self.in_features} values, got {brief(self.flattened)}"
            )
        super().check_together()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Matrix (O, I), bias (O,)."""
        bias = {"bias": (self.out_features,)} if self.bias else {}
        return {"weight": (self.out_features, self.in_features), **bias}


@dataclass(frozen=True)
class BatchNormConfig(LayerConfig):
    """A batch normalisation of any rank; momentum in PyTorch's sense, `None` the mean of all."""

    channels: int
    eps: float
    momentum: Annotated[Any, optional(Momentum.__metadata__[0])]
    weight: bool = True
    bias: bool = True

    kinds: ClassVar[Mapping[str, str]] = {
        **NORM,
        tensors.RUNNING_MEAN: tensors.RUNNING_MEAN,
        tensors.RUNNING_VAR: tensors.RUNNING_VAR,
    }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Vectors of a value for each channel."""
        learnt = vectors(self.channels, weight=self.weight, bias=self.bias)
        return {**learnt, **dict.fromkeys(tensors.STATISTICS, (self.channels,))}


@dataclass(frozen=True)
class LayerNormConfig(LayerConfig):
    """A layer normalisation over the last axis of features or channels."""

    channels: int
    eps: float
    weight: bool = True
    bias: bool = True

    kinds: ClassVar[Mapping[str, str]] = NORM

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Vectors of a value for each channel."""
        return vectors(self.channels, weight=self.weight, bias=self.bias)


@dataclass(frozen=True)
class GroupNormConfig(LayerConfig):
    """A group normalisation."""

    channels: int
    groups: int
    eps: float
    weight: bool = True
    bias: bool = True

    kinds: ClassVar[Mapping[str, str]] = NORM

    def check_together(self) -> None:
        """Check that groups divide the channels."""
        checks.divides("groups", self.groups, "`channels`", self.channels)
        super().check_together()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Vectors of a value for each channel."""
        return vectors(self.channels, weight=self.weight, bias=self.bias)


@dataclass(frozen=True)
class EmbeddingConfig(LayerConfig):
    """A table of vectors."""

    count: int
    features: int

    kinds: ClassVar[Mapping[str, str]] = {"weight": tensors.EMBEDDING}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Table (count, features)."""
        return {"weight": (self.count, self.features)}


@dataclass(frozen=True)
class PReLUConfig(LayerConfig):
    """A PReLU with a slope for each channel, or one for all."""

    channels: int

    kinds: ClassVar[Mapping[str, str]] = {"weight": tensors.SLOPE}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Slopes (channels,)."""
        return {"weight": (self.channels,)}


@dataclass(frozen=True)
class MultiHeadAttentionConfig(LayerConfig):
    """Attention whose queries, keys and values have the features of the output."""

    features: int
    heads: int
    bias: bool

    kinds: ClassVar[Mapping[str, str]] = {
        "in_proj_weight": tensors.LINEAR,
        "in_proj_bias": tensors.LINEAR_BIAS,
        "out_proj.weight": tensors.LINEAR,
        "out_proj.bias": tensors.LINEAR_BIAS,
    }

    @property
    def head_size(self) -> int:
        """Features of each head."""
        return self.features // self.heads

    def check_together(self) -> None:
        """Check that heads divide the features."""
        checks.divides("heads", self.heads, "`features`", self.features)
        super().check_together()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Queries, keys and values one below the other, then the output, each (O, I)."""
        wide, size = 3 * self.features, self.features
        found = {"in_proj_weight": (wide, size), "in_proj_bias": (wide,)}
        found |= {"out_proj.weight": (size, size), "out_proj.bias": (size,)}
        return {name: shape for name, shape in found.items() if self.bias or "bias" not in name}
