"""The configuration of GhostNet, GhostNetV2 and GhostNetV3: rows of a table, made wider."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Annotated, ClassVar, Literal

from weights import arithmetic
from weights.errors import ArgumentError
from weights.modules.arguments import (
    Activation,
    Count,
    DropoutRate,
    Momentum,
    Odd,
    OddOrZero,
    Ratio,
    Reduction,
    Rounding,
    Split,
)
from weights.modules.bottleneck import BottleneckConfig, GhostBottleneckConfig
from weights.modules.configuration import IN_NAME, UNLESS_DEFAULT
from weights.modules.convolutions import ConvolutionPlan, same
from weights.modules.forms import DEPLOYED, TRAINING, Form
from weights.networks.network import FeatureMap, NetworkConfig
from weights.tensors import SizedTensors, Sizes, under

# Kernel, expansion, output channels, SE ratio, stride (Han et al., CVPR 2020, table 1, as timm
# divides it into stages).
Row = tuple[int, int, int, float, int]
Rows = tuple[tuple[Row, ...], ...]
ROWS: Rows = (
    ((3, 16, 16, 0, 1),),
    ((3, 48, 24, 0, 2),),
    ((3, 72, 24, 0, 1),),
    ((5, 72, 40, 0.25, 2),),
    ((5, 120, 40, 0.25, 1),),
    ((3, 240, 80, 0, 2),),
    (
        (3, 200, 80, 0, 1),
        (3, 184, 80, 0, 1),
        (3, 184, 80, 0, 1),
        (3, 480, 112, 0.25, 1),
        (3, 672, 112, 0.25, 1),
    ),
    ((5, 672, 160, 0.25, 2),),
    ((5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1), (5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1)),
)
# Stage and position of every block, from the input to the output.
BLOCKS = [(stage, index) for stage, rows in enumerate(ROWS) for index in range(len(rows))]
STEM_CHANNELS, LAST_EXPANSION, HEAD_CHANNELS = 16, 960, 1280
STEM_STRIDE = 2
BRANCHES = 3
# Stages before this one have no DFC attention.
FIRST_ATTENTION = 2
# A convolution with bias, or one without that batch normalisation follows.
Head = Literal["bias", "norm"]
# The feature maps with a stride of 2, 4, 8, 16 and 32 that a detector takes, by timm's names.
FEATURES = ("conv_stem", "blocks.1.0", "blocks.3.0", "blocks.5.0", "blocks.7.0")
HEAD = ("conv_head", "bn_head")
# Arguments of the blocks that are the network's own.
SHARED = (
    "ratio", "dw_kernel_size", "split", "se_rounding", "shortcut_kernel_size",
    "shortcut_activation", "bn_eps", "bn_momentum", "form",
)  # fmt: skip


class BottleneckNetworkConfig(NetworkConfig):
    """A stem, bottlenecks by the rows of a table, a last convolution and a head."""

    rows: ClassVar[Rows] = ROWS
    width: float
    in_chans: int
    dropout: float
    head: Head
    output_stride: int

    num_features, classifier_name, first_norm = HEAD_CHANNELS, "classifier", "bn1"
    default_size = (224, 224)
    counted = ("conv_stem", "blocks.1", "blocks.3", "blocks.5", "blocks.7")

    @cached_property
    def stem(self) -> ConvolutionPlan:
        """The first convolution."""
        c_out = self._scaled(STEM_CHANNELS)
        return same(self.in_chans, c_out, (3, 3), (STEM_STRIDE,) * 2).fold(self.folded)

    @cached_property
    def stages(self) -> tuple[tuple[BottleneckConfig, ...], ...]:
        """The blocks of each stage."""
        c_in, reduction, stages = self._scaled(STEM_CHANNELS), STEM_STRIDE, []
        for number, rows in enumerate(self.rows):
            stage: list[BottleneckConfig] = []
            for row in rows:
                reduction *= row[-1]
                # How much finer the maps are than without an output stride.
                dilation = max(1, reduction // self.output_stride)
                stage.append(self._block(c_in, row, number >= FIRST_ATTENTION, dilation))
                c_in = stage[-1].c_out
            stages.append(tuple(stage))
        return tuple(stages)

    @cached_property
    def last(self) -> ConvolutionPlan:
        """The convolution after the blocks."""
        c_in, c_out = self._scaled(self.rows[-1][-1][2]), self._scaled(LAST_EXPANSION)
        return ConvolutionPlan(c_in, c_out).fold(self.folded)

    @cached_property
    def head_convolution(self) -> ConvolutionPlan:
        """The convolution on the mean over height and width."""
        c_in = self._scaled(LAST_EXPANSION)
        bias = self.head == "bias"
        plan = ConvolutionPlan(c_in, HEAD_CHANNELS, bias=bias, norm=not bias)
        return plan.fold(self.folded)

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """The stem's convolution, every stage, and the vector before the classifier."""
        reduction = STEM_STRIDE
        maps = [FeatureMap("conv_stem", self.stem.c_out, reduction)]
        for number, stage in enumerate(self.stages):
            strides = prod(block.stride for block in stage)
            reduction = min(reduction * strides, self.output_stride)
            last, path = stage[-1], f"blocks.{number}"
            maps.append(FeatureMap(path, last.c_out, reduction, f"{path}.{len(stage) - 1}"))
        path = f"blocks.{len(self.stages)}"
        maps.append(FeatureMap(path, self.last.c_out, reduction, f"{path}.0"))
        return (*maps, FeatureMap("conv_head", HEAD_CHANNELS, 0, layers=HEAD))

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the network, and the sizes that their layers make."""
        sizes = self.stem.output_sizes(sizes)
        yield from self.stem.tensors(sizes, "conv_stem", "bn1")
        for path, block in self.blocks():
            yield from under(path, block.tensors_at(sizes))
            sizes = block.output_sizes(sizes)
        path = f"blocks.{len(self.rows)}.0"
        yield from self.last.tensors(sizes, f"{path}.conv", f"{path}.bn1")
        yield from self.head_convolution.tensors((1, 1), "conv_head", "bn_head")
        yield from self.classifier

    def blocks(self) -> Iterator[tuple[str, BottleneckConfig]]:
        """The blocks with their paths, from the input to the output."""
        for number, stage in enumerate(self.stages):
            for position, block in enumerate(stage):
                yield f"blocks.{number}.{position}", block

    @abstractmethod
    def _block(self, c_in: int, row: Row, attention: bool, dilation: int) -> BottleneckConfig:
        """The block of a row, or of one with attention."""

    def _scaled(self, channels: int) -> int:
        return arithmetic.make_divisible(channels * self.width)


@dataclass(frozen=True)
class GhostNetConfig(BottleneckNetworkConfig):
    """Every argument of the three GhostNets, checked.

    GhostNet (Han et al., CVPR 2020, table 1), GhostNetV2 (Tang et al., NeurIPS 2022), GhostNetV3
    (Liu et al., 2024). `num_classes` 0 leaves the classifier out. `head` is `bias` (a convolution
    with bias, timm and Huawei's PyTorch code) or `norm` (without bias, with batch normalisation,
    d-li14 and Huawei's TensorFlow code). Strides that would take the maps beyond `output_stride`
    are left out, and what reads them is dilated instead.

    >>> GhostNetConfig(1).macs(224, 224), GhostNetConfig(2).minimum_size
    (141150512, 33)
    """

    version: Annotated[int, IN_NAME]
    width: Ratio = 1.0
    num_classes: Count = 1000
    in_chans: int = 3
    dropout: DropoutRate = 0.2
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    split: Split = "ceil"
    head: Head = "bias"
    se_rounding: Rounding = "divisible"
    shortcut_kernel_size: OddOrZero = 0
    shortcut_activation: Activation = "identity"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Form = TRAINING
    output_stride: Annotated[Reduction, UNLESS_DEFAULT] = 32

    def check_together(self) -> None:
        """Check that the form is one of the version's."""
        if self.form == DEPLOYED and self.version < 3:
            raise ArgumentError(
                f"`form` 'deployed' is GhostNetV3's, got it for version {self.version}"
            )

    @property
    def minimum_size(self) -> int:
        """The least height and width: DFC attention halves maps, and needs two rows of each."""
        return self.output_stride + 1 if self.version > 1 else 1

    def _block(self, c_in: int, row: Row, attention: bool, dilation: int) -> BottleneckConfig:
        kernel_size, expansion, c_out, se_ratio, stride = row
        sizes = self._scaled(expansion), self._scaled(c_out), kernel_size, stride
        own = self.only(*SHARED) | {"branches": BRANCHES if self.version > 2 else 0}
        own |= {"attention": attention and self.version > 1, "dilation": dilation}
        return GhostBottleneckConfig(c_in, *sizes, se_ratio, **own)
