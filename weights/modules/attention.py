"""The two attentions of the family: squeeze-and-excitation, and DFC attention (GhostNetV2)."""

from dataclasses import dataclass
from functools import cached_property

from weights import arithmetic
from weights.arithmetic import Pair
from weights.errors import ArgumentError
from weights.modules.arguments import Rounding
from weights.modules.configuration import Configuration
from weights.modules.convolutions import ConvolutionPlan, depthwise, same
from weights.tensors import SizedTensors, Sizes

# Of the horizontal and the vertical convolution of DFC attention.
DFC_KERNEL_SIZE = 5


@dataclass(frozen=True)
class SqueezeExciteConfig(Configuration):
    """Every argument of SqueezeExcite, checked (Hu et al., CVPR 2018; gate relu6(x + 3) / 6).

    `rounding` makes the squeezed channels a multiple of 4 (GhostNet's PyTorch code) or rounds them
    down (its TensorFlow code, d-li14's).

    >>> SqueezeExciteConfig(72).squeezed, SqueezeExciteConfig(72, rounding="floor").squeezed
    (20, 18)
    """

    channels: int
    se_ratio: float = 0.25
    rounding: Rounding = "divisible"

    input_argument = output_argument = "channels"

    def check_together(self) -> None:
        """Check that a channel is left between the two convolutions."""
        if self.squeezed < 1:
            raise ArgumentError(
                f"`se_ratio` must leave at least one channel of {self.channels}, got "
                f"{self.se_ratio}: enlarge it"
            )

    @property
    def squeezed(self) -> int:
        """Channels between the two convolutions."""
        if self.rounding == "floor":
            return int(self.channels * self.se_ratio)
        return arithmetic.make_divisible(self.channels * self.se_ratio)

    @cached_property
    def reduce(self) -> ConvolutionPlan:
        """The first convolution, on the mean over height and width."""
        return ConvolutionPlan(self.channels, self.squeezed, bias=True, norm=False)

    @cached_property
    def expand(self) -> ConvolutionPlan:
        """The second convolution."""
        return ConvolutionPlan(self.squeezed, self.channels, bias=True, norm=False)

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of both convolutions, of one position whatever the size of the input."""
        yield from self.reduce.tensors((1, 1), "conv_reduce")
        yield from self.expand.tensors((1, 1), "conv_expand")


@dataclass(frozen=True)
class AttentionPlan:
    """DFC attention (Tang et al., NeurIPS 2022, "GhostNetV2", section 3.2) of a ghost module.

    On the input at half size: a convolution like the primary one, then a horizontal and a vertical
    depthwise convolution, each with batch normalisation. Its sigmoid, resized to the output by
    nearest neighbour, multiplies the output. `dilation` is that of the depthwise convolutions.
    """

    c_in: int
    c_out: int
    kernel_size: Pair
    stride: Pair
    dilation: int = 1
    folded: bool = False

    @cached_property
    def convolutions(self) -> tuple[ConvolutionPlan, ConvolutionPlan, ConvolutionPlan]:
        """The three convolutions, in order."""
        return (
            same(self.c_in, self.c_out, self.kernel_size, self.stride).fold(self.folded),
            self._along((1, DFC_KERNEL_SIZE)),
            self._along((DFC_KERNEL_SIZE, 1)),
        )

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors, and the sizes that their layers make of an input before it is halved."""
        height, width = (None if size is None else size // 2 for size in sizes)
        sizes = height, width
        for index, plan in enumerate(self.convolutions):
            # Nothing is left of a single row or column, whatever the padding makes of it.
            sizes = (0, 0) if 0 in sizes else plan.output_sizes(sizes)
            path, norm_path = f"short_conv.{2 * index}", f"short_conv.{2 * index + 1}"
            yield from plan.tensors(sizes, path, norm_path)

    def _along(self, kernel_size: Pair) -> ConvolutionPlan:
        return depthwise(self.c_out, kernel_size, dilation=self.dilation).fold(self.folded)

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` where no position is left at half size."""
        if any(size is not None and size < 2 for size in sizes):
            height, width = sizes
            raise ArgumentError(
                "DFC attention needs an input of at least 2 rows and 2 columns, which it halves, "
                f"got {height} x {width} (height x width): enlarge the input"
            )
