"""The configuration of Ghost-ResNet for CIFAR: arguments checked, tensors named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from weights import arithmetic, checks
from weights.errors import ArgumentError
from weights.modules.arguments import SPLITS
from weights.modules.convolutions import (
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
    linear,
)
from weights.modules.forms import FOLDED, TRAINING, check_form, form_in_words
from weights.modules.ghost_conv import GhostConvConfig
from weights.tensors import LINEAR, LINEAR_BIAS, TensorSpec, batch_norm_specs

STAGES = {"layer1": 16, "layer2": 32, "layer3": 64}
STEM_CHANNELS = 16
# What a detector takes: the outputs with a stride of 1, 2 and 4.
FEATURES = tuple(STAGES)


@dataclass(frozen=True)
class BlockConfig:
    """One basic block: its stage, its channels and its stride."""

    path: str
    c_in: int
    c_out: int
    stride: int

    @property
    def stage(self) -> str:
        """The stage that the block belongs to."""
        return self.path.partition(".")[0]

    @property
    def extra_channels(self) -> int:
        """Zero channels that the shortcut gains on each side (option A)."""
        return (self.c_out - self.c_in) // 2


@dataclass(frozen=True)
class GhostResNetConfig:
    """Every argument of Ghost-ResNet, checked (He et al., CVPR 2016, section 4.2, option A).

    Every convolution is a GhostConv with batch normalisation and ReLU in both halves, followed by
    the network's own batch normalisation. Without it (`norm` False) the second GhostConv of a block
    is linear, as in GhostBottleneck. `stem_ratio` is the ratio of the first convolution: 1 makes it
    a plain one. `num_classes` 0 leaves the classifier out. Raises `ArgumentError` where an argument
    breaks a rule.

    >>> config = GhostResNetConfig(56)
    >>> len(list(config.blocks())), len(list(config.tensors()))
    (27, 772)
    """

    depth: int
    num_classes: int = 10
    ratio: Any = 2
    dw_kernel_size: int = 3
    in_chans: int = 3
    stem_ratio: Any = None
    norm: bool = True
    split: str = "round"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    form: str = TRAINING
    dropout: float = 0.0

    def __post_init__(self) -> None:
        depth = checks.integer("depth", self.depth, minimum=8)
        if depth % 6 != 2:
            raise ArgumentError(f"`depth` must be 6n + 2 (8, 14, 20, ... 56), got {depth}")
        stem_ratio = self.ratio if self.stem_ratio is None else self.stem_ratio
        checked = {
            "depth": depth,
            "num_classes": checks.integer("num_classes", self.num_classes, minimum=0),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "in_chans": checks.integer("in_chans", self.in_chans, minimum=1),
            "stem_ratio": checks.plain_number(checks.number("stem_ratio", stem_ratio, minimum=0)),
            "norm": checks.boolean("norm", self.norm),
            "split": checks.choice("split", self.split, SPLITS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
            "form": checks.choice("form", self.form, (TRAINING, FOLDED)),
            "dropout": checks.number("dropout", self.dropout, 0, 1, inclusive=True),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for config in (self.stem, *self.convolutions()):
            del config  # built for its own checks

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.in_chans

    def to_dict(self) -> dict[str, Any]:
        """Every argument but `depth`, which the architecture's name tells, as JSON writes it.

        Without a `dropout` of 0, which earlier files do not have.
        """
        unsaid = {"depth"} if self.dropout else {"depth", "dropout"}
        names = [field.name for field in fields(self) if field.name not in unsaid]
        return form_in_words({name: getattr(self, name) for name in names})

    def blocks(self) -> Iterator[BlockConfig]:
        """The basic blocks, from the input to the output."""
        c_in = STEM_CHANNELS
        for stage, c_out in STAGES.items():
            for index in range((self.depth - 2) // 6):
                yield BlockConfig(f"{stage}.{index}", c_in, c_out, 1 if c_in == c_out else 2)
                c_in = c_out

    def stage(self, name: str) -> list[BlockConfig]:
        """The basic blocks of one stage."""
        return [block for block in self.blocks() if block.stage == name]

    @property
    def stem(self) -> GhostConvConfig:
        """The first GhostConv."""
        return self._convolution(self.in_chans, STEM_CHANNELS, ratio=self.stem_ratio)

    def block(self, block: BlockConfig) -> tuple[GhostConvConfig, GhostConvConfig]:
        """The two GhostConvs of a basic block."""
        activation = "relu" if self.norm else "identity"
        return (
            self._convolution(block.c_in, block.c_out, stride=block.stride),
            self._convolution(block.c_out, block.c_out, activation=activation),
        )

    def convolutions(self) -> Iterator[GhostConvConfig]:
        """The GhostConvs of all blocks."""
        for block in self.blocks():
            yield from self.block(block)

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the network, in the order of PyTorch's `state_dict`."""
        yield from (spec.under("conv1") for spec in self.stem.tensors())
        yield from self._norm_tensors("bn1", STEM_CHANNELS)
        for block in self.blocks():
            for index, convolution in enumerate(self.block(block), start=1):
                prefix = f"{block.path}.conv{index}"
                yield from (spec.under(prefix) for spec in convolution.tensors())
                yield from self._norm_tensors(f"{block.path}.bn{index}", block.c_out)
        if self.num_classes:
            yield TensorSpec("linear.weight", LINEAR, (self.num_classes, STAGES["layer3"]))
            yield TensorSpec("linear.bias", LINEAR_BIAS, (self.num_classes,))

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution and the classifier, for an input of these sizes (height, width)."""
        yield from self.stem.operations(sizes)
        for convolution in self.convolutions():
            yield from convolution.operations(sizes)
            sizes = convolution.primary.output_sizes(sizes)
        if self.num_classes:
            yield linear(STAGES["layer3"], self.num_classes)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int]:
        """Shape of the logits, or of the features before the classifier without one."""
        del height, width
        return batch, self.num_classes or STAGES["layer3"]

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the network cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, "in_chans", self.in_chans)
        batch, _, height, width = shape
        check_form(self.form, training=training)
        if training and batch == 1:
            check_statistics_of(self.operations((height, width)), batch)

    def _convolution(self, c_in: int, c_out: int, **own: Any) -> GhostConvConfig:
        shared = ("ratio", "dw_kernel_size", "split", "bn_eps", "bn_momentum", "form")
        arguments = {name: getattr(self, name) for name in shared} | own
        return GhostConvConfig(c_in, c_out, 3, padding=arithmetic.same_padding(3), **arguments)

    def _norm_tensors(self, prefix: str, channels: int) -> Iterator[TensorSpec]:
        return batch_norm_specs(prefix, channels) if self.norm else iter(())
