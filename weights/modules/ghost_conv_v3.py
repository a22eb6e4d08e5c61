"""The configuration of the ghost module of GhostNetV3, in training form and in deployed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from weights import arithmetic, checks
from weights.arithmetic import ChannelSplit
from weights.modules.attention import AttentionPlan
from weights.modules.branches import FOLDED, FORMS, TRAINING, BranchesPlan, check_form
from weights.modules.convolutions import (
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
    depthwise,
    same,
)
from weights.modules.ghost_conv import ACTIVATIONS, SPLITS, check_split
from weights.tensors import TensorSpec


@dataclass(frozen=True)
class GhostConvV3Config:
    """Every argument of GhostConvV3, checked (Liu et al., 2024, "GhostNetV3", section 3.1).

    Kernels are odd and padding keeps height and width at stride 1: only then can the 1x1 branch
    and the branch without convolution be merged into the others.

    >>> training = GhostConvV3Config(16, 32, kernel_size=3)
    >>> deployed = GhostConvV3Config(16, 32, kernel_size=3, form="deployed")
    >>> len(list(training.tensors())), len(list(deployed.tensors()))
    (48, 4)
    """

    c_in: int
    c_out: int
    kernel_size: Any = 1
    ratio: Any = 2
    dw_kernel_size: int = 3
    stride: Any = 1
    branches: int = 3
    attention: bool = False
    primary_skip: bool = True
    split: str = "ceil"
    activation: str = "relu"
    form: str = TRAINING
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1

    def __post_init__(self) -> None:
        checked = {
            "c_in": checks.integer("c_in", self.c_in, minimum=1),
            "c_out": checks.integer("c_out", self.c_out, minimum=1),
            "kernel_size": checks.odd_pair("kernel_size", self.kernel_size),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "stride": checks.pair("stride", self.stride, minimum=1),
            "branches": checks.integer("branches", self.branches, minimum=1),
            "attention": checks.boolean("attention", self.attention),
            "primary_skip": checks.boolean("primary_skip", self.primary_skip),
            "split": checks.choice("split", self.split, SPLITS),
            "activation": checks.choice("activation", self.activation, ACTIVATIONS),
            "form": checks.choice("form", self.form, FORMS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        check_split(self.c_out, self.ratio, self.split)
        for plan in (*self.halves, *(self.gate.convolutions if self.gate else ())):
            del plan  # made for its own checks

    @cached_property
    def channels(self) -> ChannelSplit:
        """How `c_out` is divided between the two halves."""
        return arithmetic.split_channels(self.c_out, self.ratio, self.split)

    @cached_property
    def halves(self) -> tuple[BranchesPlan, ...]:
        """The branches of the primary convolution, and of the cheap one where there is one."""
        split, cheap_kernel = self.channels, (self.dw_kernel_size, self.dw_kernel_size)
        convolution = same(self.c_in, split.c_int, self.kernel_size, self.stride)
        primary = BranchesPlan("primary", convolution, self.branches, self.primary_skip)
        if not split.multiplier:
            return (primary,)
        convolution = depthwise(split.c_int, cheap_kernel, multiplier=split.multiplier)
        return primary, BranchesPlan("cheap", convolution, self.branches, with_skip=True)

    @property
    def gate(self) -> AttentionPlan | None:
        """The branch that makes the gate, where there is attention."""
        if not self.attention:
            return None
        folded = self.form == FOLDED
        return AttentionPlan(self.c_in, self.c_out, self.kernel_size, self.stride, folded)

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.c_in

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it: equal pairs as one int, integral ratios as an int."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        pairs = ("kernel_size", "stride")
        return values | {name: checks.plain_pair(values[name]) for name in pairs}

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the layer, in the order of PyTorch's `state_dict`."""
        for half in self.halves:
            if self.form != TRAINING:
                yield from half.deployed.tensors(f"{half.name}_conv.0")
            else:
                yield from half.tensors()
        if self.gate:
            yield from self.gate.tensors()

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        entered = sizes
        for half in self.halves:
            if self.form != TRAINING:
                sizes = half.convolution.output_sizes(sizes)
                yield Operation(half.deployed, sizes)
            else:
                yield from half.operations(sizes)
                sizes = half.convolution.output_sizes(sizes)
        if self.gate:
            yield from self.gate.operations(entered)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int, Any, Any]:
        """Shape of the output as (N, C, H, W); an unknown size (`None`) stays unknown."""
        return (batch, self.c_out, *self.halves[0].convolution.output_sizes((height, width)))

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the layer cannot take; shape is (N, C, H, W)."""
        check_image(shape, dtype, "c_in", self.c_in)
        sizes = (shape[2], shape[3])
        if self.gate:
            self.gate.check_sizes(sizes)
        check_form(self.form, training=training)
        if training:
            check_statistics_of(self.operations(sizes), shape[0])
