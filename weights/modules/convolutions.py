"""Plans of convolutions: of one, and of the branches that GhostNetV3 trains in place of one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Self

from weights import arithmetic, checks, limits
from weights.arithmetic import Pair
from weights.errors import ArgumentError
from weights.tensors import SizedTensors, Sizes, batch_norm, convolution

# Code for each position of a larger depthwise kernel would take minutes to compile.
MOST_TAPS = 15 * 15
SINGLE_VALUE = (
    "training needs more than one value per channel (batch x height x width), got 1: the variance "
    "of a single value is undefined; use a larger batch or evaluation mode"
)


@dataclass(frozen=True)
class ConvolutionPlan:
    """A convolution with symmetric explicit padding.

    `depthwise` tells the layout of its kernel, `norm` that a batch normalisation follows.

    >>> ConvolutionPlan(3, 16, (3, 3), stride=(2, 2), padding=(1, 1)).output_sizes((224, 224))
    (112, 112)
    """

    c_in: int
    c_out: int
    kernel_size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False
    depthwise: bool = False
    norm: bool = True

    def __post_init__(self) -> None:
        limits.check_kernel(self.kernel_shape)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Canonical shape (O, I/groups, kh, kw) of the kernel."""
        return arithmetic.kernel_shape(self.c_in, self.c_out, self.kernel_size, self.groups)

    @property
    def pointwise(self) -> bool:
        """Whether every output is a sum over the channels of one position."""
        return self.kernel_size == (1, 1) and self.padding == (0, 0) and self.groups == 1

    @property
    def keeps_sizes(self) -> bool:
        """Whether the padding is what keeps the sizes: all that frameworks call "same"."""
        spans = zip(self.kernel_size, self.dilation, strict=True)
        kept = tuple(arithmetic.kernel_span(size, step) - 1 for size, step in spans)
        return self.stride == (1, 1) and kept == tuple(2 * size for size in self.padding)

    @property
    def fan_in(self) -> int:
        """How many products each output sums."""
        return prod(self.kernel_shape[1:])

    @property
    def multiplier(self) -> int:
        """How many outputs each group makes."""
        return self.c_out // self.groups

    def fold(self, folded: bool = True) -> Self:
        """The convolution with the batch normalisation inside, if it is `folded` into it."""
        return replace(self, bias=True, norm=False) if folded else self

    def output_sizes(self, sizes: Sizes) -> Sizes:
        """Height and width of the output; a size that is not known stays unknown."""
        height, width = (
            None if size is None else arithmetic.output_size(size, *arguments)
            for size, *arguments in zip(
                sizes, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return height, width

    def tensors(self, sizes: Sizes, prefix: str, norm_prefix: str = "") -> SizedTensors:
        """The tensors, and those of the batch normalisation that follows; `sizes` are made."""
        shape = self.kernel_shape
        yield from convolution(prefix, shape, sizes, depthwise=self.depthwise, bias=self.bias)
        if self.norm:
            yield from batch_norm(norm_prefix, self.c_out, sizes)


def same(
    c_in: int, c_out: int, kernel_size: Pair, stride: Pair = (1, 1), dilation: int = 1,
    **options: Any,
) -> ConvolutionPlan:  # fmt: skip
    """A convolution whose odd kernel keeps height and width at stride 1."""
    rows, columns = map(arithmetic.same_padding, kernel_size)
    padding, spread = (dilation * rows, dilation * columns), (dilation, dilation)
    return ConvolutionPlan(c_in, c_out, kernel_size, stride, padding, spread, **options)


def depthwise(
    channels: int, kernel_size: Pair, stride: Pair = (1, 1), multiplier: int = 1, **options: Any
) -> ConvolutionPlan:
    """Channel c alone makes outputs c*multiplier ... (c+1)*multiplier - 1."""
    options |= {"groups": channels, "depthwise": True}
    return same(channels, channels * multiplier, kernel_size, stride, **options)


def check_image(shape: Sequence[Any], dtype: str, argument: str, channels: int) -> None:
    """Check rank, channels and type of a batch of images given as (N, C, H, W)."""
    if len(shape) != 4:
        raise ArgumentError(
            "the input must have 4 axes (batch, channels, height, width, in the framework's "
            f"order), got {len(shape)}"
        )
    checks.floating("the input", dtype)
    if shape[1] is not None and shape[1] != channels:
        raise ArgumentError(
            f"the input must have `{argument}` = {channels} channels, got {shape[1]}"
        )


@dataclass(frozen=True)
class BranchesPlan:
    """Branches whose sum one convolution can compute (Liu et al., 2024, "GhostNetV3", section 3.1).

    `count` copies of the convolution, a 1x1 convolution (`scale`) where the kernel is larger, and
    the input itself (`skip`) where `with_skip` and the shapes allow it; each with batch
    normalisation. `name` is how timm's names begin: `primary`, `cheap` or `dw`.
    """

    name: str
    convolution: ConvolutionPlan
    count: int
    with_skip: bool

    @cached_property
    def scale(self) -> ConvolutionPlan | None:
        """The 1x1 convolution, where the kernel is larger than that."""
        if self.convolution.kernel_size == (1, 1):
            return None
        return replace(self.convolution, kernel_size=(1, 1), padding=(0, 0), dilation=(1, 1))

    @property
    def skip(self) -> int:
        """Channels of the branch without convolution; 0 where there is none."""
        plan = self.convolution
        fits = plan.c_in == plan.c_out and plan.stride == (1, 1)
        return plan.c_out if self.with_skip and fits else 0

    @property
    def deployed(self) -> ConvolutionPlan:
        """The one convolution that computes the sum."""
        return self.convolution.fold()

    @property
    def skip_norm(self) -> str:
        """The path of the batch normalisation of the branch without convolution."""
        return f"{self.name}_rpr_skip"

    def convolutions(self) -> Iterator[tuple[str, str, ConvolutionPlan]]:
        """Each branch's convolution, after its path and that of its batch normalisation."""
        for index in range(self.count):
            path = f"{self.name}_rpr_conv.{index}"
            yield f"{path}.conv", f"{path}.bn1", self.convolution
        if self.scale:
            yield f"{self.name}_rpr_scale.conv", f"{self.name}_rpr_scale.bn1", self.scale

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of all branches, and the sizes that they make of these."""
        sizes = self.convolution.output_sizes(sizes)
        for path, norm_path, plan in self.convolutions():
            yield from plan.tensors(sizes, path, norm_path)
        if self.skip:
            yield from batch_norm(self.skip_norm, self.skip, sizes)
