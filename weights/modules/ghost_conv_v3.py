"""The configuration of the ghost module of GhostNetV3, in training form and in deployed form."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from weights.modules.arguments import Activation, Momentum, Odd, OddPair, PositivePair, Ratio, Split
from weights.modules.attention import AttentionPlan
from weights.modules.configuration import UNLESS_DEFAULT
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan, depthwise, same
from weights.modules.forms import TRAINING, Form
from weights.modules.ghost_conv import GhostModule
from weights.tensors import SizedTensors, Sizes


@dataclass(frozen=True)
class GhostConvV3Config(GhostModule):
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
    kernel_size: OddPair = 1
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    stride: PositivePair = 1
    branches: int = 3
    attention: bool = False
    primary_skip: bool = True
    split: Split = "ceil"
    activation: Activation = "relu"
    form: Form = TRAINING
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    dw_dilation: Annotated[int, UNLESS_DEFAULT] = 1

    @cached_property
    def halves(self) -> tuple[BranchesPlan, ...]:
        """The branches of the primary convolution, and of the cheap one where there is one."""
        split, cheap_kernel = self.channels, (self.dw_kernel_size, self.dw_kernel_size)
        convolution = same(self.c_in, split.c_int, self.kernel_size, self.stride)
        primary = BranchesPlan("primary", convolution, self.branches, self.primary_skip)
        if not split.multiplier:
            return (primary,)
        convolution = depthwise(
            split.c_int, cheap_kernel, multiplier=split.multiplier, dilation=self.dw_dilation
        )
        return primary, BranchesPlan("cheap", convolution, self.branches, with_skip=True)

    @cached_property
    def merged(self) -> Mapping[str, ConvolutionPlan]:
        """The convolution of each half whose branches are merged; none in form `training`."""
        return {half.name: half.deployed for half in self.halves if self.form != TRAINING}

    @cached_property
    def gate(self) -> AttentionPlan | None:
        """The branch that makes the gate, where there is attention."""
        if not self.attention:
            return None
        own = self.kernel_size, self.stride, self.dw_dilation, self.folded
        return AttentionPlan(self.c_in, self.c_out, *own)

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training."""
        return "primary_rpr_conv.0.bn1" if self.form == TRAINING else "primary_conv.1"

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the layer, and the sizes that their layers make."""
        entered = sizes
        for half in self.halves:
            before, sizes = sizes, half.convolution.output_sizes(sizes)
            if half.name in self.merged:
                yield from self.merged[half.name].tensors(sizes, f"{half.name}_conv.0")
            else:
                yield from half.tensors_at(before)
        if self.gate:
            yield from self.gate.tensors_at(entered)

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output."""
        return self.halves[0].convolution.output_sizes(sizes)

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` where nothing is left for the attention at half size."""
        if self.gate:
            self.gate.check_sizes(sizes)
