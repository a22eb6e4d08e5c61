"""The configuration of GhostNet, GhostNetV2 and GhostNetV3: rows of a table, made wider."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any

from weights import arithmetic, checks
from weights.errors import ArgumentError
from weights.modules.arguments import ACTIVATIONS, ROUNDINGS, SPLITS, Rounding
from weights.modules.bottleneck import GhostBottleneckConfig
from weights.modules.convolutions import (
    ConvolutionPlan,
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
    fits,
    linear,
    same,
)
from weights.modules.forms import DEPLOYED, FOLDED, FORMS, TRAINING, check_form
from weights.tensors import LINEAR, LINEAR_BIAS, TensorSpec

# Kernel, expansion, output channels, SE ratio, stride (Han et al., CVPR 2020, table 1, as timm
# divides it into stages).
ROWS: tuple[tuple[tuple[int, int, int, float, int], ...], ...] = (
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
STEM_CHANNELS, LAST_EXPANSION, HEAD_CHANNELS = 16, 960, 1280
BRANCHES = 3
# Blocks before this one have no DFC attention.
FIRST_ATTENTION = 2
HEADS = ("bias", "norm")
# What a detector takes: the outputs with a stride of 2, 4, 8, 16 and 32, as timm names them.
FEATURES = ("conv_stem", "blocks.1.0", "blocks.3.0", "blocks.5.0", "blocks.7.0")
LARGEST_MINIMUM = 512


@dataclass(frozen=True)
class GhostNetConfig:
    """Every argument of the three GhostNets, checked.

    GhostNet (Han et al., CVPR 2020, table 1), GhostNetV2 (Tang et al., NeurIPS 2022), GhostNetV3
    (Liu et al., 2024). `num_classes` 0 leaves the classifier out. `head` is `bias` (a convolution
    with bias, timm and Huawei's PyTorch code) or `norm` (without bias, with batch normalisation,
    d-li14 and Huawei's TensorFlow code).

    >>> GhostNetConfig(1).macs(224, 224), GhostNetConfig(2).minimum_size
    (141150512, 33)
    """

    version: int
    width: float = 1.0
    num_classes: int = 1000
    in_chans: int = 3
    dropout: float = 0.2
    ratio: int | float = 2
    dw_kernel_size: int = 3
    split: str = "ceil"
    head: str = "bias"
    se_rounding: Rounding = "divisible"
    shortcut_kernel_size: int = 0
    shortcut_activation: str = "identity"
    form: str = TRAINING
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    minimum_size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shortcut = checks.integer("shortcut_kernel_size", self.shortcut_kernel_size, minimum=0)
        checked = {
            "width": checks.plain_number(checks.number("width", self.width, minimum=0)),
            "num_classes": checks.integer("num_classes", self.num_classes, minimum=0),
            "in_chans": checks.integer("in_chans", self.in_chans, minimum=1),
            "dropout": checks.number("dropout", self.dropout, 0, 1, inclusive=True),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "split": checks.choice("split", self.split, SPLITS),
            "head": checks.choice("head", self.head, HEADS),
            "se_rounding": checks.choice("se_rounding", self.se_rounding, ROUNDINGS),
            "shortcut_kernel_size": shortcut
            and checks.odd_integer("shortcut_kernel_size", shortcut),
            "shortcut_activation": checks.choice(
                "shortcut_activation", self.shortcut_activation, ACTIVATIONS
            ),
            "form": checks.choice("form", self.form, FORMS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.form == DEPLOYED and self.version < 3:
            raise ArgumentError(
                f"`form` 'deployed' is GhostNetV3's, got it for version {self.version}"
            )
        if self.num_classes:
            linear(HEAD_CHANNELS, self.num_classes)  # made for its own checks
        object.__setattr__(self, "minimum_size", _find_minimum_size(self))

    @property
    def stem(self) -> ConvolutionPlan:
        """The first convolution."""
        c_out, folded = self._scaled(STEM_CHANNELS), self.form == FOLDED
        return same(self.in_chans, c_out, (3, 3), (2, 2), bias=folded)

    @cached_property
    def stages(self) -> Mapping[str, Mapping[str, GhostBottleneckConfig]]:
        """The blocks by their index, by the index of their stage."""
        c_in, index, stages = self._scaled(STEM_CHANNELS), 0, {}
        for number, rows in enumerate(ROWS):
            blocks = {}
            for position, row in enumerate(rows):
                blocks[str(position)] = self._block(c_in, row, index >= FIRST_ATTENTION)
                c_in, index = blocks[str(position)].c_out, index + 1
            stages[str(number)] = blocks
        return stages

    @property
    def last(self) -> ConvolutionPlan:
        """The convolution after the blocks."""
        c_in, c_out = self._scaled(ROWS[-1][-1][2]), self._scaled(LAST_EXPANSION)
        return ConvolutionPlan(c_in, c_out, bias=self.form == FOLDED)

    @property
    def head_convolution(self) -> ConvolutionPlan:
        """The convolution on the mean over height and width."""
        c_in = self._scaled(LAST_EXPANSION)
        bias = self.head == "bias" or self.form == FOLDED
        return ConvolutionPlan(c_in, HEAD_CHANNELS, bias=bias)

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.in_chans

    def to_dict(self) -> dict[str, Any]:
        """Every argument but `version`, which the architecture's name tells, as JSON writes it."""
        names = [each.name for each in fields(self) if each.init and each.name != "version"]
        return {name: getattr(self, name) for name in names}

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the network, in the order of PyTorch's `state_dict`."""
        yield from self.stem.tensors_with_norm("conv_stem", "bn1")
        for path, block in self.blocks():
            yield from (spec.under(path) for spec in block.tensors())
        path = self.last_path
        yield from self.last.tensors_with_norm(f"{path}.conv", f"{path}.bn1")
        yield from self.head_convolution.tensors_with_norm("conv_head", "bn_head")
        if self.num_classes:
            shape = (self.num_classes, HEAD_CHANNELS)
            yield TensorSpec("classifier.weight", LINEAR, shape)
            yield TensorSpec("classifier.bias", LINEAR_BIAS, shape[:1])

    def blocks(self) -> Iterator[tuple[str, GhostBottleneckConfig]]:
        """The blocks with their paths, from the input to the output."""
        for number, blocks in self.stages.items():
            for position, block in blocks.items():
                yield f"blocks.{number}.{position}", block

    @property
    def last_path(self) -> str:
        """Where the convolution after the blocks stands."""
        return f"blocks.{len(ROWS)}.0"

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution and the classifier, for an input of these sizes (height, width)."""
        sizes = self.stem.output_sizes(sizes)
        yield Operation(self.stem, sizes)
        for _, block in self.blocks():
            yield from block.operations(sizes)
            sizes = block.output_sizes(sizes)
        yield Operation(self.last, sizes)
        yield Operation(self.head_convolution, (1, 1))
        if self.num_classes:
            yield linear(HEAD_CHANNELS, self.num_classes)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int]:
        """Shape of the logits, or of the features before the classifier without one."""
        del height, width
        return batch, self.num_classes or HEAD_CHANNELS

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the network cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, "in_chans", self.in_chans)
        batch, _, height, width = shape
        if any(size is not None and size < self.minimum_size for size in (height, width)):
            least = self.minimum_size
            raise ArgumentError(
                f"the input must be at least {least} x {least} (height x width), got "
                f"{height} x {width}: nothing would be left of the smallest maps; enlarge it"
            )
        check_form(self.form, training=training)
        if training and batch == 1:
            check_statistics_of(self.operations((height, width)), batch)

    def _block(
        self, c_in: int, row: tuple[int, int, int, float, int], attention: bool
    ) -> GhostBottleneckConfig:
        kernel_size, expansion, c_out, se_ratio, stride = row
        return GhostBottleneckConfig(
            c_in,
            self._scaled(expansion),
            self._scaled(c_out),
            kernel_size,
            stride,
            se_ratio,
            self.ratio,
            self.dw_kernel_size,
            attention=attention and self.version > 1,
            branches=BRANCHES if self.version > 2 else 0,
            split=self.split,
            se_rounding=self.se_rounding,
            shortcut_kernel_size=self.shortcut_kernel_size,
            shortcut_activation=self.shortcut_activation,
            form=self.form,
            bn_eps=self.bn_eps,
            bn_momentum=self.bn_momentum,
        )

    def _scaled(self, channels: int) -> int:
        return arithmetic.make_divisible(channels * self.width)


@lru_cache
def _find_minimum_size(config: GhostNetConfig) -> int:
    sizes = range(LARGEST_MINIMUM)
    return bisect_left(sizes, True, lo=1, key=lambda size: fits(config.operations((size, size))))
