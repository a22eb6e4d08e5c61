"""Convolutions of any rank and their transposes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from weights import checks, tensors
from weights.errors import ArgumentError
from weights.modules.ordinary.layer import SAME, LayerConfig, PositiveSizes, Sides
from weights.text import brief

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


@dataclass(frozen=True)
class _AnyConvolution(LayerConfig):
    """What a convolution and its transpose are told by."""

    c_in: int
    c_out: int
    kernel_size: PositiveSizes
    stride: PositiveSizes
    padding: Sides
    dilation: PositiveSizes
    groups: int
    bias: bool

    def check_together(self) -> None:
        """Check that groups divide the channels, and that every argument has as many axes."""
        for name in ("c_in", "c_out"):
            checks.divides("groups", self.groups, f"`{name}`", getattr(self, name))
        rank = len(self.kernel_size)
        for name in ("stride", "padding", "dilation"):
            value = getattr(self, name)
            if value != SAME and len(value) != rank:
                raise ArgumentError(
                    f"`{name}` must have as many axes as `kernel_size`, got {brief(value)} for "
                    f"{brief(self.kernel_size)}"
                )
        super().check_together()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Kernel (O, I/groups, ...) or, transposed, (I, O/groups, ...), bias (O,)."""
        bias = {"bias": (self.c_out,)} if self.bias else {}
        return {"weight": (*self._channels, *self.kernel_size), **bias}

    @property
    def multiplier(self) -> int:
        """Outputs of each group."""
        return self.c_out // self.groups

    @property
    def _channels(self) -> tuple[int, int]:
        return self.c_out, self.c_in // self.groups


@dataclass(frozen=True)
class ConvolutionLayerConfig(_AnyConvolution):
    """A convolution of any rank and any groups, depthwise ones too.

    `padding` has (before, after) for each axis; it is "same" only above stride 1, where the sizes
    of the input decide.
    """

    padding_mode: PaddingMode = "zeros"

    kinds: ClassVar[Mapping[str, str]] = {
        "weight": tensors.CONVOLUTION,
        "bias": tensors.CONVOLUTION_BIAS,
    }


@dataclass(frozen=True)
class TransposedConvolutionConfig(_AnyConvolution):
    """A transposed convolution of any rank.

    `padding` has for each axis how much of the whole output is cut off (before, after); a negative
    number is added.
    """

    kinds: ClassVar[Mapping[str, str]] = {
        "weight": tensors.TRANSPOSED_CONVOLUTION,
        "bias": tensors.CONVOLUTION_BIAS,
    }

    @property
    def _channels(self) -> tuple[int, int]:
        return self.c_in, self.multiplier
