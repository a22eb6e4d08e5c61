"""The two attentions of the family: squeeze-and-excitation, and DFC attention (GhostNetV2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from weights import arithmetic, checks
from weights.arithmetic import Pair
from weights.errors import ArgumentError
from weights.modules.convolutions import (
    ConvolutionPlan,
    Operation,
    Sizes,
    check_image,
    count_macs,
    depthwise,
    fits,
    same,
)
from weights.tensors import TensorSpec

ROUNDINGS = ("divisible", "floor")
LONG = 5


@dataclass(frozen=True)
class SqueezeExciteConfig:
    """Every argument of SqueezeExcite, checked (Hu et al., CVPR 2018; gate relu6(x + 3) / 6).

    `rounding` makes the squeezed channels a multiple of 4 (GhostNet's PyTorch code) or rounds them
    down (its TensorFlow code, d-li14's).

    >>> SqueezeExciteConfig(72).squeezed, SqueezeExciteConfig(72, rounding="floor").squeezed
    (20, 18)
    """

    channels: int
    se_ratio: float = 0.25
    rounding: str = "divisible"

    def __post_init__(self) -> None:
        checked = {
            "channels": checks.integer("channels", self.channels, minimum=1),
            "se_ratio": checks.number("se_ratio", self.se_ratio, minimum=0),
            "rounding": checks.choice("rounding", self.rounding, ROUNDINGS),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.squeezed < 1:
            raise ArgumentError(
                f"`se_ratio` must leave at least one channel of {self.channels}, got "
                f"{self.se_ratio}: enlarge it"
            )
        for plan in (self.reduce, self.expand):
            del plan  # made for its own checks

    @property
    def squeezed(self) -> int:
        """Channels between the two convolutions."""
        if self.rounding == "floor":
            return int(self.channels * self.se_ratio)
        return arithmetic.make_divisible(self.channels * self.se_ratio)

    @property
    def reduce(self) -> ConvolutionPlan:
        """The first convolution, on the mean over height and width."""
        return ConvolutionPlan(self.channels, self.squeezed, bias=True)

    @property
    def expand(self) -> ConvolutionPlan:
        """The second convolution."""
        return ConvolutionPlan(self.squeezed, self.channels, bias=True)

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.channels

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the layer, in the order of PyTorch's `state_dict`."""
        yield from self.reduce.tensors("conv_reduce")
        yield from self.expand.tensors("conv_expand")

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Both convolutions, whatever the size of the input."""
        yield Operation(self.reduce, (1, 1))
        yield Operation(self.expand, (1, 1))

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int, Any, Any]:
        """Shape of the output as (N, C, H, W)."""
        return batch, self.channels, height, width

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the layer cannot take; shape is (N, C, H, W)."""
        check_image(shape, dtype, "channels", self.channels)


@dataclass(frozen=True)
class AttentionPlan:
    """DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2) of a ghost module.

    On the input at half size: a convolution like the primary one, then a horizontal and a vertical
    depthwise convolution, each with batch normalisation. Its sigmoid, resized to the output by
    nearest neighbour, multiplies the output.
    """

    c_in: int
    c_out: int
    kernel_size: Pair
    stride: Pair
    folded: bool = False

    @property
    def convolutions(self) -> tuple[ConvolutionPlan, ConvolutionPlan, ConvolutionPlan]:
        """The three convolutions, in order."""
        return (
            same(self.c_in, self.c_out, self.kernel_size, self.stride, bias=self.folded),
            depthwise(self.c_out, (1, LONG), bias=self.folded),
            depthwise(self.c_out, (LONG, 1), bias=self.folded),
        )

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors, in the order of PyTorch's `state_dict`."""
        for index, plan in enumerate(self.convolutions):
            yield from plan.tensors_with_norm(
                f"short_conv.{2 * index}", f"short_conv.{2 * index + 1}"
            )

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """The convolutions, for an input of these sizes before it is halved."""
        height, width = (None if size is None else size // 2 for size in sizes)
        sizes = height, width
        for plan in self.convolutions:
            # Nothing is left of a single row or column, whatever the padding makes of it.
            sizes = (0, 0) if 0 in sizes else plan.output_sizes(sizes)
            yield Operation(plan, sizes)

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` where no position is left at half size."""
        if not fits(self.operations(sizes)):
            height, width = sizes
            raise ArgumentError(
                "DFC attention needs an input of at least 2 rows and 2 columns, which it halves, "
                f"got {height} x {width} (height x width): enlarge the input"
            )
