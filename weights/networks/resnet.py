"""The configuration of Ghost-ResNet for CIFAR: arguments checked, tensors named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from weights import arithmetic, checks
from weights.errors import ArgumentError
from weights.modules.arguments import Count, DropoutRate, Momentum, Odd, Ratio, Split
from weights.modules.configuration import IN_NAME, UNLESS_DEFAULT
from weights.modules.convolutions import ConvolutionPlan, same
from weights.modules.forms import TRAINING, PlainForm
from weights.modules.ghost_conv import GhostConvConfig
from weights.networks.network import FeatureMap, StemRatio
from weights.tensors import SizedTensors, Sizes, batch_norm, under
from weights.text import brief

STAGES = {"layer1": 16, "layer2": 32, "layer3": 64}
STEM_CHANNELS = 16
# Arguments of the GhostConvs that are the network's own.
SHARED = ("ratio", "dw_kernel_size", "split", "bn_eps", "bn_momentum", "form")
# The feature maps with a stride of 1, 2 and 4 that a detector takes.
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


def check_depth(name: str, value: Any) -> int:
    """Return `value` as a number of layers that such a network can have, or raise."""
    depth = checks.integer(name, value, minimum=8)
    if depth % 6 != 2:
        raise ArgumentError(f"`{name}` must be 6n + 2 (8, 14, 20, ... 56), got {depth}")
    return depth


@dataclass(frozen=True)
class GhostResNetConfig(StemRatio):
    """Every argument of Ghost-ResNet, checked (He et al., CVPR 2016, section 4.2, option A).

    Every convolution is a GhostConv with batch normalisation and ReLU in both halves, followed by
    the network's own batch normalisation. Without it (`norm` False) the second GhostConv of a block
    is linear, as in GhostBottleneck. `stem_ratio` is the ratio of the first convolution: 1 makes it
    a plain one, with a batch normalisation of its own beside the network's; `plain_stem` one with
    the network's alone. `num_classes` 0 leaves the classifier out. Raises `ArgumentError` where an
    argument breaks a rule.

    >>> config = GhostResNetConfig(56)
    >>> len(list(config.blocks())), len(list(config.tensors()))
    (27, 772)
    """

    depth: Annotated[int, check_depth, IN_NAME]
    num_classes: Count = 10
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    in_chans: int = 3
    stem_ratio: Any = None
    norm: bool = True
    split: Split = "round"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Annotated[PlainForm, UNLESS_DEFAULT] = TRAINING
    dropout: Annotated[DropoutRate, UNLESS_DEFAULT] = 0.0
    plain_stem: Annotated[bool, UNLESS_DEFAULT] = False

    num_features, counted = STAGES["layer3"], FEATURES

    def check_together(self) -> None:
        """Check `stem_ratio`, which a plain stem has not."""
        if self.plain_stem and self.stem_ratio is None:
            self._set("stem_ratio", 1)
        super().check_together()
        if self.plain_stem and self.stem_ratio != 1:
            raise ArgumentError(
                f"`stem_ratio` is that of a ghost convolution, got {brief(self.stem_ratio)} beside "
                "`plain_stem`: leave it out"
            )

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """The stem and every stage."""
        stages = [FeatureMap(path, c, c // STEM_CHANNELS) for path, c in STAGES.items()]
        return (FeatureMap("stem", STEM_CHANNELS, 1, layers=("conv1", "bn1")), *stages)

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

    @cached_property
    def plain(self) -> ConvolutionPlan | None:
        """The first convolution where it is a plain one, which `bn1` follows."""
        if not self.plain_stem:
            return None
        return same(self.in_chans, STEM_CHANNELS, (3, 3)).fold(self.folded)

    @cached_property
    def stem(self) -> GhostConvConfig:
        """The first GhostConv, where it is one."""
        return self._convolution(self.in_chans, STEM_CHANNELS, ratio=self.stem_ratio)

    @cached_property
    def convolutions(self) -> Mapping[str, tuple[GhostConvConfig, GhostConvConfig]]:
        """The two GhostConvs of each basic block, by its path."""
        activation = "relu" if self.norm else "identity"
        return {
            block.path: (
                self._convolution(block.c_in, block.c_out, stride=block.stride),
                self._convolution(block.c_out, block.c_out, activation=activation),
            )
            for block in self.blocks()
        }

    @property
    def normalised(self) -> Mapping[str, str]:
        """The path of the batch normalisation that follows each GhostConv, by the path of that."""
        if not self.norm:
            return {}
        places = [] if self.plain else [("", 1)]
        places += [(f"{path}.", index) for path in self.convolutions for index in (1, 2)]
        return {f"{prefix}conv{index}": f"{prefix}bn{index}" for prefix, index in places}

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training."""
        return "bn1" if self.plain_stem else "conv1.primary_conv.1"

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the network, and the sizes that their layers make."""
        named = [] if self.plain else [("", 1, self.stem)]
        if self.plain:
            yield from self.plain.tensors(sizes, "conv1", "bn1")
        for path, pair in self.convolutions.items():
            named += [(f"{path}.", index, each) for index, each in enumerate(pair, start=1)]
        for prefix, index, convolution in named:
            yield from under(f"{prefix}conv{index}", convolution.tensors_at(sizes))
            sizes = convolution.output_sizes(sizes)
            if self.norm:
                yield from batch_norm(f"{prefix}bn{index}", convolution.c_out, sizes)
        yield from self.classifier

    def _convolution(self, c_in: int, c_out: int, **own: Any) -> GhostConvConfig:
        arguments = self.only(*SHARED) | own
        return GhostConvConfig(c_in, c_out, 3, padding=arithmetic.same_padding(3), **arguments)
