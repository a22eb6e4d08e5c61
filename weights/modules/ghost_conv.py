"""The configurations of GhostConv, and of GhostConvV2, which is GhostConv times attention."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from weights import arithmetic, checks
from weights.arithmetic import ChannelSplit
from weights.errors import ArgumentError
from weights.modules.arguments import Activation, Momentum, Odd, Padding, PositivePair, Ratio, Split
from weights.modules.attention import AttentionPlan
from weights.modules.configuration import UNLESS_DEFAULT, Configuration
from weights.modules.convolutions import ConvolutionPlan, depthwise
from weights.modules.forms import TRAINING, PlainForm
from weights.tensors import SizedTensors, Sizes
from weights.text import brief


class GhostModule(Configuration):
    """A layer whose output channels are those of a primary and of a cheap convolution."""

    c_out: int
    ratio: Ratio
    split: Split

    def check_together(self) -> None:
        """Check `split` against the channels."""
        check_split(self.c_out, self.ratio, self.split)

    @cached_property
    def channels(self) -> ChannelSplit:
        """How `c_out` is divided between the two halves."""
        return arithmetic.split_channels(self.c_out, self.ratio, self.split)

    @cached_property
    def is_cropped(self) -> bool:
        """Whether the two halves make more than `c_out` channels."""
        return self.channels.c_int + self.channels.c_cheap > self.c_out


@dataclass(frozen=True)
class GhostConvConfig(GhostModule):
    """Every argument of GhostConv, checked (Han et al., CVPR 2020, section 3.1).

    Raises `ArgumentError` where an argument breaks a rule.

    >>> config = GhostConvConfig(32, 64, kernel_size=(3, 3), padding=1)
    >>> config.channels, config.output_shape(2, 56, 56)
    (ChannelSplit(c_int=32, multiplier=1), (2, 64, 56, 56))
    >>> config.to_dict()["kernel_size"]
    3
    """

    c_in: int
    c_out: int
    kernel_size: PositivePair = 1
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    stride: PositivePair = 1
    padding: Padding = 0
    dilation: PositivePair = 1
    groups: int = 1
    split: Split = "round"
    activation: Activation = "relu"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Annotated[PlainForm, UNLESS_DEFAULT] = TRAINING
    bias: Annotated[bool, UNLESS_DEFAULT] = False
    dw_dilation: Annotated[int, UNLESS_DEFAULT] = 1

    first_norm = "primary_conv.1"

    def check_together(self) -> None:
        """Check `split` and `groups` against the channels."""
        super().check_together()
        checks.divides("groups", self.groups, "`c_in`", self.c_in)
        checks.divides("groups", self.groups, "the primary channels `c_int`", self.channels.c_int)

    @cached_property
    def primary(self) -> ConvolutionPlan:
        """The primary convolution."""
        own = self.only("kernel_size", "stride", "padding", "dilation", "groups", "bias")
        return ConvolutionPlan(self.c_in, self.channels.c_int, **own).fold(self.folded)

    @cached_property
    def cheap(self) -> ConvolutionPlan | None:
        """The cheap convolution, where there is one."""
        split, kernel_size = self.channels, (self.dw_kernel_size, self.dw_kernel_size)
        if not split.multiplier:
            return None
        plan = depthwise(
            split.c_int, kernel_size, multiplier=split.multiplier, dilation=self.dw_dilation,
            bias=self.bias,
        )  # fmt: skip
        return plan.fold(self.folded)

    @cached_property
    def gate(self) -> AttentionPlan | None:
        """The branch that makes a gate, which GhostConvV2 alone has."""
        return None

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the layer, and the sizes that their layers make."""
        inner = self.primary.output_sizes(sizes)
        yield from self.primary.tensors(inner, "primary_conv.0", "primary_conv.1")
        if self.cheap:
            yield from self.cheap.tensors(inner, "cheap_conv.0", "cheap_conv.1")
        if self.gate:
            yield from self.gate.tensors_at(sizes)

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output."""
        return self.primary.output_sizes(sizes)

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` where a kernel does not fit, or the input cannot be halved."""
        for axis, size in enumerate(sizes):
            span = arithmetic.kernel_span(self.kernel_size[axis], self.dilation[axis])
            padded = None if size is None else size + 2 * self.padding[axis]
            if padded is not None and padded < span:
                raise ArgumentError(
                    f"`kernel_size` must fit into the padded input, got {span} rows or columns of "
                    f"kernel for {padded} of {('height', 'width')[axis]}: enlarge the input or "
                    "`padding`"
                )
        if self.gate:
            self.gate.check_sizes(sizes)


def check_split(c_out: int, ratio: Any, split: str) -> None:
    """Raise `ArgumentError` where `split` cannot divide `c_out` by `ratio`."""
    try:
        arithmetic.split_channels(c_out, ratio)
    except OverflowError:
        raise ArgumentError(
            "`ratio` must divide `c_out` into a finite number of channels, got "
            f"{brief(ratio)} for {c_out}"
        ) from None
    if split == "round":
        return
    if not isinstance(ratio, int):
        raise ArgumentError(
            f"`ratio` must be an integer for split '{split}', got {brief(ratio)}: use split 'round'"
        )
    if split == "floor" and c_out % ratio:
        raise ArgumentError(
            f"`ratio` must divide `c_out` for split 'floor', got {ratio} for "
            f"{c_out}: use split 'round' or 'ceil'"
        )


@dataclass(frozen=True)
class GhostConvV2Config(GhostConvConfig):
    """GhostConv times DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2).

    >>> config = GhostConvV2Config(16, 32)
    >>> config.macs(8, 8) - GhostConvConfig(16, 32).macs(8, 8)  # 16 x 32 + 32 x 10 on 4 x 4
    13312
    """

    @cached_property
    def gate(self) -> AttentionPlan:
        """The branch that makes the gate."""
        own = self.kernel_size, self.stride, self.dw_dilation, self.folded
        return AttentionPlan(self.c_in, self.c_out, *own)
