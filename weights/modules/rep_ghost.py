"""The configurations of RepGhost: a ghost module that adds its halves, and the block of two."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from weights.modules.arguments import Activation, Momentum, NonNegative, Odd, OddPair, PositivePair
from weights.modules.bottleneck import BottleneckConfig
from weights.modules.configuration import UNLESS_DEFAULT, Configuration
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan, depthwise, same
from weights.modules.forms import TRAINING, Form
from weights.tensors import SizedTensors, Sizes

# Arguments of the ghost modules that are the block's own.
SHARED = ("dw_kernel_size", "bn_eps", "bn_momentum", "form")


class FusionPlan(BranchesPlan):
    """The two branches of the cheap half: a depthwise convolution and its input."""

    skip_norm = "fusion_bn.0"

    def convolutions(self) -> Iterator[tuple[str, str, ConvolutionPlan]]:
        """The one convolution, after its path and that of its batch normalisation."""
        yield "cheap_conv.0", "cheap_conv.1", self.convolution


@dataclass(frozen=True)
class RepGhostConvConfig(Configuration):
    """Every argument of RepGhostConv, checked (Chen et al., 2022, "RepGhost").

    >>> training, deployed = RepGhostConvConfig(8, 16), RepGhostConvConfig(8, 16, form="deployed")
    >>> len(list(training.tensors())), len(list(deployed.tensors()))
    (14, 7)
    """

    c_in: int
    c_out: int
    kernel_size: OddPair = 1
    dw_kernel_size: Odd = 3
    stride: PositivePair = 1
    activation: Activation = "relu"
    form: Form = TRAINING
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    dw_dilation: Annotated[int, UNLESS_DEFAULT] = 1

    first_norm = "primary_conv.1"

    @cached_property
    def primary(self) -> ConvolutionPlan:
        """The primary convolution, which makes every output channel."""
        return same(self.c_in, self.c_out, self.kernel_size, self.stride).fold(self.folded)

    @cached_property
    def cheap(self) -> BranchesPlan:
        """The cheap convolution and the branch beside it."""
        kernel_size = self.dw_kernel_size, self.dw_kernel_size
        convolution = depthwise(self.c_out, kernel_size, dilation=self.dw_dilation)
        return FusionPlan("cheap", convolution, 1, with_skip=True)

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the layer, and the sizes that their layers make."""
        sizes = self.output_sizes(sizes)
        yield from self.primary.tensors(sizes, "primary_conv.0", "primary_conv.1")
        if self.form == TRAINING:
            yield from self.cheap.tensors_at(sizes)
        else:
            yield from self.cheap.deployed.tensors(sizes, "cheap_conv")

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output."""
        return self.primary.output_sizes(sizes)


@dataclass(frozen=True)
class RepGhostBottleneckConfig(BottleneckConfig):
    """Every argument of RepGhostBottleneck, checked (Chen et al., 2022, "RepGhost").

    >>> RepGhostBottleneckConfig(16, 24, 24, stride=2).macs(112, 112)
    12343296
    """

    c_in: int
    c_mid: int
    c_out: int
    kernel_size: Odd = 3
    stride: int = 1
    se_ratio: NonNegative = 0.0
    dw_kernel_size: Odd = 3
    activation: Activation = "relu"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Form = TRAINING
    dilation: Annotated[int, UNLESS_DEFAULT] = 1

    attention, branches = False, 0
    se_rounding, shortcut_activation = "divisible", "identity"

    def _ghost(
        self, c_in: int, c_out: int, activation: Activation, attention: bool, dilation: int
    ) -> RepGhostConvConfig:
        arguments = {"activation": activation, "dw_dilation": dilation, **self.only(*SHARED)}
        return RepGhostConvConfig(c_in, c_out, **arguments)
