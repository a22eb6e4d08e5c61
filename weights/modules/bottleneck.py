"""The configuration of GhostBottleneck: two ghost modules and what stands between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from weights import checks
from weights.errors import ArgumentError
from weights.modules.arguments import ACTIVATIONS, ROUNDINGS, SPLITS, Rounding
from weights.modules.attention import SqueezeExciteConfig
from weights.modules.branches import BranchesPlan
from weights.modules.convolutions import (
    ConvolutionPlan,
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
    depthwise,
)
from weights.modules.forms import DEPLOYED, FOLDED, FORMS, TRAINING, check_form
from weights.modules.ghost_conv import GhostConvConfig
from weights.modules.ghost_conv_v2 import GhostConvV2Config
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.tensors import TensorSpec

GhostModule = GhostConvConfig | GhostConvV3Config


@dataclass(frozen=True)
class GhostBottleneckConfig:
    """Every argument of GhostBottleneck, checked (Han et al., CVPR 2020, section 3.2).

    `attention` puts DFC attention on the first ghost module (GhostNetV2), `branches` above 0 makes
    ghost modules and strided convolution of that many branches (GhostNetV3).
    `shortcut_kernel_size` 0 means `kernel_size`.

    >>> GhostBottleneckConfig(16, 48, 24, stride=2).macs(112, 112)
    12681984
    """

    c_in: int
    c_mid: int
    c_out: int
    kernel_size: int = 3
    stride: int = 1
    se_ratio: float = 0.0
    ratio: int | float = 2
    dw_kernel_size: int = 3
    attention: bool = False
    branches: int = 0
    primary_skip: bool = True
    split: str = "ceil"
    activation: str = "relu"
    se_rounding: Rounding = "divisible"
    shortcut_kernel_size: int = 0
    shortcut_activation: str = "identity"
    form: str = TRAINING
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1

    def __post_init__(self) -> None:
        shortcut = checks.integer("shortcut_kernel_size", self.shortcut_kernel_size, minimum=0)
        checked = {
            "c_in": checks.integer("c_in", self.c_in, minimum=1),
            "c_mid": checks.integer("c_mid", self.c_mid, minimum=1),
            "c_out": checks.integer("c_out", self.c_out, minimum=1),
            "kernel_size": checks.odd_integer("kernel_size", self.kernel_size),
            "stride": checks.integer("stride", self.stride, minimum=1),
            "se_ratio": checks.number("se_ratio", self.se_ratio, minimum=0, inclusive=True),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "attention": checks.boolean("attention", self.attention),
            "branches": checks.integer("branches", self.branches, minimum=0),
            "primary_skip": checks.boolean("primary_skip", self.primary_skip),
            "split": checks.choice("split", self.split, SPLITS),
            "activation": checks.choice("activation", self.activation, ACTIVATIONS),
            "se_rounding": checks.choice("se_rounding", self.se_rounding, ROUNDINGS),
            "shortcut_kernel_size": checks.odd_integer(
                "shortcut_kernel_size", shortcut or self.kernel_size
            ),
            "shortcut_activation": checks.choice(
                "shortcut_activation", self.shortcut_activation, ACTIVATIONS
            ),
            "form": checks.choice("form", self.form, FORMS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.form == DEPLOYED and not self.branches:
            raise ArgumentError(
                "`form` 'deployed' is that of modules with `branches`, got branches=0"
            )
        for part in (self.ghost1, self.ghost2, self.squeeze_excite, self.strided, self.shortcut):
            del part  # made for its own checks

    @cached_property
    def ghost1(self) -> GhostModule:
        """The ghost module that expands to `c_mid` channels."""
        return self._ghost(self.c_in, self.c_mid, self.attention, self.activation)

    @cached_property
    def ghost2(self) -> GhostModule:
        """The linear ghost module that comes down to `c_out` channels."""
        return self._ghost(self.c_mid, self.c_out, attention=False, activation="identity")

    @cached_property
    def strided(self) -> ConvolutionPlan | None:
        """The depthwise convolution between the two, where the block has a stride."""
        if self.stride == 1:
            return None
        kernel_size, stride = (self.kernel_size,) * 2, (self.stride,) * 2
        folded = self.form == FOLDED and not self.branches
        return depthwise(self.c_mid, kernel_size, stride, bias=folded)

    @cached_property
    def strided_branches(self) -> BranchesPlan | None:
        """Its branches, where it has such."""
        if self.strided is None or not self.branches:
            return None
        return BranchesPlan("dw", self.strided, self.branches, with_skip=False)

    @cached_property
    def squeeze_excite(self) -> SqueezeExciteConfig | None:
        """The squeeze-and-excitation, where `se_ratio` is above 0."""
        if not self.se_ratio:
            return None
        return SqueezeExciteConfig(self.c_mid, self.se_ratio, self.se_rounding)

    @cached_property
    def shortcut(self) -> tuple[ConvolutionPlan, ...]:
        """The shortcut's convolutions, depthwise and pointwise; none where it is the input."""
        if self.c_in == self.c_out and self.stride == 1:
            return ()
        kernel_size, stride = (self.shortcut_kernel_size,) * 2, (self.stride,) * 2
        folded = self.form == FOLDED
        pointwise = ConvolutionPlan(self.c_in, self.c_out, bias=folded)
        return depthwise(self.c_in, kernel_size, stride, bias=folded), pointwise

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.c_in

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the block, in the order of PyTorch's `state_dict`."""
        yield from (spec.under("ghost1") for spec in self.ghost1.tensors())
        yield from self._strided_tensors()
        if self.squeeze_excite:
            yield from (spec.under("se") for spec in self.squeeze_excite.tensors())
        yield from (spec.under("ghost2") for spec in self.ghost2.tensors())
        for index, plan in enumerate(self.shortcut):
            yield from plan.tensors_with_norm(f"shortcut.{2 * index}", f"shortcut.{2 * index + 1}")

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution, for an input of these sizes (height, width)."""
        entered = sizes
        yield from self.ghost1.operations(sizes)
        if self.strided:
            yield from self._strided_operations(self.strided, sizes)
            sizes = self.strided.output_sizes(sizes)
        if self.squeeze_excite:
            yield from self.squeeze_excite.operations(sizes)
        yield from self.ghost2.operations(sizes)
        for plan in self.shortcut:
            entered = plan.output_sizes(entered)
            yield Operation(plan, entered)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output."""
        return self.strided.output_sizes(sizes) if self.strided else sizes

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int, Any, Any]:
        """Shape of the output as (N, C, H, W); an unknown size (`None`) stays unknown."""
        return (batch, self.c_out, *self.output_sizes((height, width)))

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the block cannot take; shape is (N, C, H, W)."""
        check_image(shape, dtype, "c_in", self.c_in)
        sizes = (shape[2], shape[3])
        self.ghost1.check_input(shape, dtype)
        check_form(self.form, training=training)
        if training:
            check_statistics_of(self.operations(sizes), shape[0])

    def _ghost(self, c_in: int, c_out: int, attention: bool, activation: str) -> GhostModule:
        shared = {
            "ratio": self.ratio,
            "dw_kernel_size": self.dw_kernel_size,
            "split": self.split,
            "activation": activation,
            "bn_eps": self.bn_eps,
            "bn_momentum": self.bn_momentum,
        }
        if self.branches:
            own = {"branches": self.branches, "primary_skip": self.primary_skip, "form": self.form}
            return GhostConvV3Config(c_in, c_out, attention=attention, **own, **shared)  # type: ignore[arg-type]
        version = GhostConvV2Config if attention else GhostConvConfig
        return version(c_in, c_out, form=self.form, **shared)  # type: ignore[arg-type]

    def _strided_tensors(self) -> Iterator[TensorSpec]:
        if self.strided is None:
            return
        if self.strided_branches is None:
            yield from self.strided.tensors_with_norm("conv_dw", "bn_dw")
        elif self.form != TRAINING:
            yield from self.strided_branches.deployed.tensors("conv_dw")
        else:
            yield from self.strided_branches.tensors()

    def _strided_operations(self, strided: ConvolutionPlan, sizes: Sizes) -> Iterator[Operation]:
        if self.strided_branches and self.form == TRAINING:
            yield from self.strided_branches.operations(sizes)
        elif self.strided_branches:
            yield Operation(self.strided_branches.deployed, strided.output_sizes(sizes))
        else:
            yield Operation(strided, strided.output_sizes(sizes))
