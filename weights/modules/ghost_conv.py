"""The configuration of GhostConv: arguments checked, channels divided, tensors named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from weights import arithmetic, checks
from weights.arithmetic import ChannelSplit, Pair
from weights.errors import ArgumentError
from weights.modules.attention import AttentionPlan
from weights.modules.branches import FOLDED, TRAINING, check_form, form_in_words
from weights.modules.convolutions import (
    ConvolutionPlan,
    Operation,
    Sizes,
    check_image,
    check_statistics,
    count_macs,
    depthwise,
)
from weights.shown import shown
from weights.tensors import TensorSpec

SPLITS = ("round", "ceil", "floor")
ACTIVATIONS = ("relu", "relu6", "silu", "hard_swish", "identity")


@dataclass(frozen=True)
class GhostConvConfig:
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
    kernel_size: Any = 1
    ratio: Any = 2
    dw_kernel_size: int = 3
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    split: str = "round"
    activation: str = "relu"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    form: str = TRAINING

    def __post_init__(self) -> None:
        checked = {
            "c_in": checks.integer("c_in", self.c_in, minimum=1),
            "c_out": checks.integer("c_out", self.c_out, minimum=1),
            "kernel_size": checks.pair("kernel_size", self.kernel_size, minimum=1),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "stride": checks.pair("stride", self.stride, minimum=1),
            "padding": checks.pair("padding", self.padding, minimum=0),
            "dilation": checks.pair("dilation", self.dilation, minimum=1),
            "groups": checks.integer("groups", self.groups, minimum=1),
            "split": checks.choice("split", self.split, SPLITS),
            "activation": checks.choice("activation", self.activation, ACTIVATIONS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
            "form": checks.choice("form", self.form, (TRAINING, FOLDED)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        check_split(self.c_out, self.ratio, self.split)
        checks.divides("groups", self.groups, "`c_in`", self.c_in)
        checks.divides("groups", self.groups, "the primary channels `c_int`", self.channels.c_int)
        for plan in (self.primary, self.cheap, *(self.gate.convolutions if self.gate else ())):
            del plan  # made for its own checks

    @cached_property
    def channels(self) -> ChannelSplit:
        """How `c_out` is divided between the two halves."""
        return arithmetic.split_channels(self.c_out, self.ratio, self.split)

    @cached_property
    def primary(self) -> ConvolutionPlan:
        """The primary convolution."""
        return ConvolutionPlan(
            self.c_in,
            self.channels.c_int,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            bias=self.form == FOLDED,
        )

    @cached_property
    def cheap(self) -> ConvolutionPlan | None:
        """The cheap convolution, where there is one."""
        split, kernel_size = self.channels, (self.dw_kernel_size, self.dw_kernel_size)
        if not split.multiplier:
            return None
        folded = self.form == FOLDED
        return depthwise(split.c_int, kernel_size, multiplier=split.multiplier, bias=folded)

    @property
    def gate(self) -> AttentionPlan | None:
        """The branch that makes a gate, which GhostConvV2 alone has."""
        return None

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.c_in

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it: equal pairs as one int, integral ratios as an int."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        pairs = ("kernel_size", "stride", "padding", "dilation")
        return form_in_words(values | {name: checks.plain_pair(values[name]) for name in pairs})

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the layer, in the order of PyTorch's `state_dict`."""
        yield from self.primary.tensors_with_norm("primary_conv.0", "primary_conv.1")
        if self.cheap:
            yield from self.cheap.tensors_with_norm("cheap_conv.0", "cheap_conv.1")

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        sizes = self.primary.output_sizes(sizes)
        yield Operation(self.primary, sizes)
        if self.cheap:
            yield Operation(self.cheap, sizes)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int, Any, Any]:
        """Shape of the output as (N, C, H, W); an unknown size (`None`) stays unknown."""
        return (batch, self.c_out, *self.primary.output_sizes((height, width)))

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the layer cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, "c_in", self.c_in)
        batch, _, height, width = shape
        self._check_kernel_fits((height, width))
        check_form(self.form, training=training)
        if training:
            check_statistics(self.output_shape(batch, height, width))

    def _check_kernel_fits(self, sizes: tuple[Pair, Pair] | Sequence[Any]) -> None:
        for axis, size in enumerate(sizes):
            span = arithmetic.kernel_span(self.kernel_size[axis], self.dilation[axis])
            padded = None if size is None else size + 2 * self.padding[axis]
            if padded is not None and padded < span:
                raise ArgumentError(
                    f"`kernel_size` must fit into the padded input, got {span} rows or columns of "
                    f"kernel for {padded} of {('height', 'width')[axis]}: enlarge the input or "
                    "`padding`"
                )


def check_split(c_out: int, ratio: Any, split: str) -> None:
    """Raise `ArgumentError` where `split` cannot divide `c_out` by `ratio`."""
    try:
        arithmetic.split_channels(c_out, ratio)
    except OverflowError:
        raise ArgumentError(
            "`ratio` must divide `c_out` into a finite number of channels, got "
            f"{shown(ratio)} for {c_out}"
        ) from None
    if split == "round":
        return
    if not isinstance(ratio, int):
        raise ArgumentError(
            f"`ratio` must be an integer for split '{split}', got {shown(ratio)}: use split 'round'"
        )
    if split == "floor" and c_out % ratio:
        raise ArgumentError(
            f"`ratio` must divide `c_out` for split 'floor', got {ratio} for "
            f"{c_out}: use split 'round' or 'ceil'"
        )
