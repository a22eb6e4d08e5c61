"""The configuration of Ghost-VGG-16 for CIFAR: arguments checked, tensors named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from weights import checks
from weights.errors import ArgumentError
from weights.modules.arguments import SPLITS, Split
from weights.modules.convolutions import (
    Operation,
    Sizes,
    check_image,
    check_statistics_of,
    count_macs,
    linear,
)
from weights.modules.forms import FOLDED, TRAINING, PlainForm, check_form, form_in_words
from weights.modules.ghost_conv import GhostConvConfig
from weights.tensors import LINEAR, LINEAR_BIAS, TensorSpec

# Output channels of the convolutions of each stage; a 2x2 maximum follows every stage.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
FEATURES = STAGES[-1][-1]
# Every stage halves height and width.
MINIMUM_SIZE = 2 ** len(STAGES)


@dataclass(frozen=True)
class GhostVGGConfig:
    """Every argument of Ghost-VGG-16, checked (Han et al., CVPR 2020, section 4.1, table 5).

    Thirteen 3x3 GhostConvs, maxima over 2x2, the mean, a hidden linear layer of 512 with ReLU and
    the classifier: the variant whose counts are those of the paper's tables. `stem_ratio` is the
    ratio of the first convolution, `hidden` False leaves the hidden layer out, `num_classes` 0 the
    classifier.

    >>> GhostVGGConfig().macs(32, 32), GhostVGGConfig(ratio=5).macs(32, 32)
    (158109696, 65665296)
    """

    num_classes: int = 10
    ratio: int | float = 2
    dw_kernel_size: int = 3
    in_chans: int = 3
    stem_ratio: int | float | None = None
    hidden: bool = True
    dropout: float = 0.0
    split: Split = "ceil"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    form: PlainForm = TRAINING

    def __post_init__(self) -> None:
        stem_ratio = self.ratio if self.stem_ratio is None else self.stem_ratio
        checked = {
            "num_classes": checks.integer("num_classes", self.num_classes, minimum=0),
            "ratio": checks.plain_number(checks.number("ratio", self.ratio, minimum=0)),
            "dw_kernel_size": checks.odd_integer("dw_kernel_size", self.dw_kernel_size),
            "in_chans": checks.integer("in_chans", self.in_chans, minimum=1),
            "stem_ratio": checks.plain_number(checks.number("stem_ratio", stem_ratio, minimum=0)),
            "hidden": checks.boolean("hidden", self.hidden),
            "dropout": checks.number("dropout", self.dropout, 0, 1, inclusive=True),
            "split": checks.choice("split", self.split, SPLITS),
            "bn_eps": checks.number("bn_eps", self.bn_eps, minimum=0),
            "bn_momentum": checks.number("bn_momentum", self.bn_momentum, minimum=0, maximum=1),
            "form": checks.choice("form", self.form, (TRAINING, FOLDED)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for stage in self.stages:
            del stage  # built for its own checks

    @property
    def stages(self) -> list[list[GhostConvConfig]]:
        """The GhostConvs of each stage."""
        c_in = self.in_chans
        stages: list[list[GhostConvConfig]] = []
        for widths in STAGES:
            stage: list[GhostConvConfig] = []
            for c_out in widths:
                ratio = self.ratio if stages or stage else self.stem_ratio
                stage.append(self._convolution(c_in, c_out, ratio))
                c_in = c_out
            stages.append(stage)
        return stages

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return self.in_chans

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it."""
        return form_in_words({field.name: getattr(self, field.name) for field in fields(self)})

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the network, in the order of PyTorch's `state_dict`."""
        for number, stage in enumerate(self.stages):
            for index, convolution in enumerate(stage):
                prefix = f"features.{number}.{index}"
                yield from (spec.under(prefix) for spec in convolution.tensors())
        if self.hidden:
            yield TensorSpec("hidden.weight", LINEAR, (FEATURES, FEATURES))
            yield TensorSpec("hidden.bias", LINEAR_BIAS, (FEATURES,))
        if self.num_classes:
            yield TensorSpec("linear.weight", LINEAR, (self.num_classes, FEATURES))
            yield TensorSpec("linear.bias", LINEAR_BIAS, (self.num_classes,))

    def operations(self, sizes: Sizes) -> Iterator[Operation]:
        """Every convolution and linear layer, for an input of these sizes (height, width)."""
        for stage in self.stages:
            for convolution in stage:
                yield from convolution.operations(sizes)
            height, width = (None if size is None else size // 2 for size in sizes)
            sizes = height, width
        if self.hidden:
            yield linear(FEATURES, FEATURES)
        if self.num_classes:
            yield linear(FEATURES, self.num_classes)

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image."""
        return count_macs(self.operations((height, width)))

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, int]:
        """Shape of the logits, or of the features before the classifier without one."""
        del height, width
        return batch, self.num_classes or FEATURES

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the network cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, "in_chans", self.in_chans)
        batch, _, height, width = shape
        if any(size is not None and size < MINIMUM_SIZE for size in (height, width)):
            raise ArgumentError(
                f"the input must be at least {MINIMUM_SIZE} x {MINIMUM_SIZE} (height x width), got "
                f"{height} x {width}: it is halved {len(STAGES)} times; enlarge it"
            )
        check_form(self.form, training=training)
        if training and batch == 1:
            check_statistics_of(self.operations((height, width)), batch)

    def _convolution(self, c_in: int, c_out: int, ratio: Any) -> GhostConvConfig:
        return GhostConvConfig(
            c_in,
            c_out,
            3,
            ratio,
            self.dw_kernel_size,
            padding=1,
            split=self.split,
            bn_eps=self.bn_eps,
            bn_momentum=self.bn_momentum,
            form=self.form,
        )
