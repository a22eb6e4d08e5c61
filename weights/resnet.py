"""The configuration of Ghost-ResNet for CIFAR: arguments checked, tensors named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from weights import checks
from weights.errors import ArgumentError
from weights.ghost_conv import SPLITS, GhostConvConfig, check_image, check_statistics
from weights.tensors import LINEAR, LINEAR_BIAS, TensorSpec, batch_norm_specs

STAGES = {"layer1": 16, "layer2": 32, "layer3": 64}
STEM_CHANNELS = 16


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
    the network's own batch normalisation. Raises `ArgumentError` where an argument breaks a rule.

    >>> config = GhostResNetConfig(56)
    >>> len(list(config.blocks())), len(list(config.tensors()))
    (27, 772)
    """

    depth: int
    num_classes: int = 10
    ratio: Any = 2
    dw_kernel_size: int = 3
    in_chans: int = 3
    split: str = "round"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1

    def __post_init__(self) -> None:
        depth = checks.integer("depth", self.depth, minimum=8)
        if depth % 6 != 2:
            raise ArgumentError(f"`depth` must be 6n + 2 (8, 14, 20, ... 56), got {depth}")
        checked = {
            "depth": depth,
            "num_classes": checks.integer("num_classes", self.num_classes, minimum=1),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "in_chans": checks.integer("in_chans", self.in_chans, minimum=1),
            "split": checks.choice("split", self.split, SPLITS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for width in STAGES.values():
            GhostConvConfig(**self.convolution(width, width))

    def to_dict(self) -> dict[str, Any]:
        """Every argument but `depth`, which the architecture's name tells, as JSON writes it."""
        names = [field.name for field in fields(self) if field.name != "depth"]
        return {name: getattr(self, name) for name in names}

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

    def convolution(self, c_in: int, c_out: int, stride: int = 1) -> dict[str, Any]:
        """Arguments of a 3x3 GhostConv of this network."""
        shared = ("ratio", "dw_kernel_size", "split", "bn_eps", "bn_momentum")
        arguments = {name: getattr(self, name) for name in shared}
        return arguments | {
            "c_in": c_in,
            "c_out": c_out,
            "kernel_size": 3,
            "stride": stride,
            "padding": 1,
        }

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the network, in the order of PyTorch's `state_dict`."""
        yield from self._convolution_tensors("conv1", self.in_chans, STEM_CHANNELS)
        yield from batch_norm_specs("bn1", STEM_CHANNELS)
        for block in self.blocks():
            yield from self._convolution_tensors(f"{block.path}.conv1", block.c_in, block.c_out)
            yield from batch_norm_specs(f"{block.path}.bn1", block.c_out)
            yield from self._convolution_tensors(f"{block.path}.conv2", block.c_out, block.c_out)
            yield from batch_norm_specs(f"{block.path}.bn2", block.c_out)
        yield TensorSpec("linear.weight", LINEAR, (self.num_classes, STAGES["layer3"]))
        yield TensorSpec("linear.bias", LINEAR_BIAS, (self.num_classes,))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int]:
        """Shape of the logits (N, num_classes), whatever the size of the image."""
        del height, width
        return batch, self.num_classes

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the network cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, "in_chans", self.in_chans)
        if training:
            batch, _, *sizes = shape
            last = [None if size is None else -(-size // 4) for size in sizes]
            check_statistics((batch, STAGES["layer3"], *last))

    def _convolution_tensors(self, prefix: str, c_in: int, c_out: int) -> Iterator[TensorSpec]:
        config = GhostConvConfig(**self.convolution(c_in, c_out))
        return (spec.under(prefix) for spec in config.tensors())
