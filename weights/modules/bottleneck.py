"""The configuration of GhostBottleneck: two ghost modules and what stands between them."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from weights import checks
from weights.errors import ArgumentError
from weights.modules.arguments import (
    Activation,
    Count,
    Momentum,
    NonNegative,
    Odd,
    OddOrZero,
    Ratio,
    Rounding,
    Split,
)
from weights.modules.attention import SqueezeExciteConfig
from weights.modules.configuration import UNLESS_DEFAULT, Configuration
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan, depthwise
from weights.modules.forms import DEPLOYED, TRAINING, Form
from weights.modules.ghost_conv import GhostConvConfig, GhostConvV2Config
from weights.modules.ghost_conv_v3 import GhostConvV3Config
from weights.tensors import SizedTensors, Sizes, under

# Arguments of the ghost modules that are the block's own.
SHARED = ("ratio", "dw_kernel_size", "split", "bn_eps", "bn_momentum", "form")


class BottleneckConfig(Configuration):
    """Two ghost modules, and a strided convolution, squeeze-and-excitation and a shortcut."""

    c_in: int
    c_mid: int
    c_out: int
    kernel_size: Odd
    stride: int
    se_ratio: NonNegative
    attention: bool
    branches: Count
    activation: Activation
    se_rounding: Rounding
    shortcut_activation: Activation
    bn_eps: float
    form: Form
    dilation: int

    def check_together(self) -> None:
        """Check `dilation` against the stride in whose place it is."""
        if self.dilation > 1:
            checks.divides("stride", self.stride, "a `dilation` above 1", self.dilation)

    @property
    def entering_dilation(self) -> int:
        """The dilation of what reads the map as it comes in."""
        return max(1, self.dilation // self.stride)

    @cached_property
    def ghost1(self) -> Configuration:
        """The ghost module that expands to `c_mid` channels."""
        own = self.activation, self.attention, self.entering_dilation
        return self._ghost(self.c_in, self.c_mid, *own)

    @cached_property
    def ghost2(self) -> Configuration:
        """The linear ghost module that comes down to `c_out` channels."""
        return self._ghost(self.c_mid, self.c_out, "identity", False, self.dilation)

    @cached_property
    def strided(self) -> ConvolutionPlan | None:
        """The depthwise convolution with the stride, where there is one outside of branches."""
        return None if self.strided_branches else self._strided

    @cached_property
    def strided_branches(self) -> BranchesPlan | None:
        """The branches with the stride, where there are such."""
        if self._strided is None or not self.branches or self.form != TRAINING:
            return None
        return BranchesPlan("dw", self._strided, self.branches, with_skip=False)

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
        convolution = self._between(self.c_in, self.shortcut_kernel)
        pointwise = ConvolutionPlan(self.c_in, self.c_out)
        return convolution.fold(self.folded), pointwise.fold(self.folded)

    @property
    def shortcut_kernel(self) -> int:
        """Height and width of the kernel of the shortcut's depthwise convolution."""
        return self.kernel_size

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training."""
        return f"ghost1.{self.ghost1.first_norm}"

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the block, and the sizes that their layers make."""
        entered = sizes
        yield from under("ghost1", self.ghost1.tensors_at(sizes))
        if self.strided_branches:
            yield from self.strided_branches.tensors_at(sizes)
        sizes = self.output_sizes(sizes)
        if self.strided:
            yield from self.strided.tensors(sizes, "conv_dw", "bn_dw")
        if self.squeeze_excite:
            yield from under("se", self.squeeze_excite.tensors_at(sizes))
        yield from under("ghost2", self.ghost2.tensors_at(sizes))
        for index, convolution in enumerate(self.shortcut):
            entered = convolution.output_sizes(entered)
            prefix, norm_prefix = f"shortcut.{2 * index}", f"shortcut.{2 * index + 1}"
            yield from convolution.tensors(entered, prefix, norm_prefix)

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output."""
        return self._strided.output_sizes(sizes) if self._strided else sizes

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` for a height and width that the block cannot take."""
        self.ghost1.check_sizes(sizes)

    @cached_property
    def _strided(self) -> ConvolutionPlan | None:
        if self.stride == 1:
            return None
        merged = self.form != TRAINING if self.branches else self.folded
        return self._between(self.c_mid, self.kernel_size).fold(merged)

    def _between(self, channels: int, kernel_size: int) -> ConvolutionPlan:
        """A depthwise convolution from the map as it comes in to the map as it goes out."""
        step = self.stride if self.dilation == 1 else 1
        sizes = (kernel_size, kernel_size), (step, step)
        return depthwise(channels, *sizes, dilation=self.entering_dilation)

    @abstractmethod
    def _ghost(
        self, c_in: int, c_out: int, activation: Activation, attention: bool, dilation: int
    ) -> Configuration:
        """A ghost module of the block."""


@dataclass(frozen=True)
class GhostBottleneckConfig(BottleneckConfig):
    """Every argument of GhostBottleneck, checked (Han et al., CVPR 2020, section 3.2).

    `attention` puts DFC attention on the first ghost module (GhostNetV2), `branches` above 0 makes
    ghost modules and strided convolution of that many branches (GhostNetV3).
    `shortcut_kernel_size` 0 means `kernel_size`. `dilation` above 1 is in the place of the stride:
    the positions that the block makes lie so far apart, and others between them.

    >>> GhostBottleneckConfig(16, 48, 24, stride=2).macs(112, 112)
    12681984
    """

    c_in: int
    c_mid: int
    c_out: int
    kernel_size: Odd = 3
    stride: int = 1
    se_ratio: NonNegative = 0.0
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    attention: bool = False
    branches: Count = 0
    primary_skip: bool = True
    split: Split = "ceil"
    activation: Activation = "relu"
    se_rounding: Rounding = "divisible"
    shortcut_kernel_size: OddOrZero = 0
    shortcut_activation: Activation = "identity"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Form = TRAINING
    dilation: Annotated[int, UNLESS_DEFAULT] = 1

    def check_together(self) -> None:
        """Check that the form is one of the block's; set the kernel of the shortcut."""
        super().check_together()
        self._set("shortcut_kernel_size", self.shortcut_kernel_size or self.kernel_size)
        if self.form == DEPLOYED and not self.branches:
            raise ArgumentError(
                "`form` 'deployed' is that of modules with `branches`, got branches=0"
            )

    @property
    def shortcut_kernel(self) -> int:
        """Height and width of the kernel of the shortcut's depthwise convolution."""
        return self.shortcut_kernel_size

    def _ghost(
        self, c_in: int, c_out: int, activation: Activation, attention: bool, dilation: int
    ) -> GhostConvConfig | GhostConvV3Config:
        arguments = {"activation": activation, "dw_dilation": dilation, **self.only(*SHARED)}
        if self.branches:
            arguments |= self.only("branches", "primary_skip")
            return GhostConvV3Config(c_in, c_out, attention=attention, **arguments)
        version = GhostConvV2Config if attention else GhostConvConfig
        return version(c_in, c_out, **arguments)
