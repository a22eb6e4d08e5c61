"""The configuration of Ghost-VGG-16 for CIFAR: arguments checked, tensors named."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from weights import arithmetic
from weights.modules.arguments import Count, DropoutRate, Momentum, Odd, Ratio, Split
from weights.modules.configuration import UNLESS_DEFAULT
from weights.modules.forms import TRAINING, PlainForm
from weights.modules.ghost_conv import GhostConvConfig
from weights.networks.network import FeatureMap, StemRatio
from weights.tensors import SizedTensors, Sizes, linear, under

# Output channels of the convolutions of each stage; a 2x2 maximum follows every stage.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
FEATURES = STAGES[-1][-1]
# Arguments of the GhostConvs that are the network's own.
SHARED = ("dw_kernel_size", "split", "bn_eps", "bn_momentum", "form")


@dataclass(frozen=True)
class GhostVGGConfig(StemRatio):
    """Every argument of Ghost-VGG-16, checked (Han et al., CVPR 2020, section 4.1, table 5).

    Thirteen 3x3 GhostConvs, maxima over 2x2, the mean, a hidden linear layer of 512 with ReLU and
    the classifier: the variant whose counts are those of the paper's tables. `stem_ratio` is the
    ratio of the first convolution, `hidden` False leaves the hidden layer out, `num_classes` 0 the
    classifier.

    >>> GhostVGGConfig().macs(32, 32), GhostVGGConfig(ratio=5).macs(32, 32)
    (158109696, 65665296)
    """

    num_classes: Count = 10
    ratio: Ratio = 2
    dw_kernel_size: Odd = 3
    in_chans: int = 3
    stem_ratio: Any = None
    hidden: bool = True
    dropout: DropoutRate = 0.0
    split: Split = "ceil"
    bn_eps: float = 1e-5
    bn_momentum: Momentum = 0.1
    form: Annotated[PlainForm, UNLESS_DEFAULT] = TRAINING

    num_features, minimum_size = FEATURES, 2 ** len(STAGES)
    too_small = f"it is halved {len(STAGES)} times"
    counted = tuple(f"features.{number}" for number in range(len(STAGES)))

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """Every stage, after its maximum."""
        widths = enumerate(stage[-1] for stage in STAGES)
        return tuple(FeatureMap(f"features.{n}", width, 2 ** (n + 1)) for n, width in widths)

    def reduced(self, size: int, reduction: int) -> int:
        """Height or width of a feature map: an odd last row or column is left out."""
        return size // reduction

    @cached_property
    def stages(self) -> tuple[tuple[GhostConvConfig, ...], ...]:
        """The GhostConvs of each stage."""
        c_in, ratio, stages = self.in_chans, self.stem_ratio, []
        for widths in STAGES:
            stage = []
            for c_out in widths:
                stage.append(
                    GhostConvConfig(c_in, c_out, 3, ratio, padding=1, **self.only(*SHARED))
                )
                c_in, ratio = c_out, self.ratio
            stages.append(tuple(stage))
        return tuple(stages)

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training."""
        return f"features.0.0.{self.stages[0][0].first_norm}"

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of the network, and the sizes that their layers make."""
        for number, stage in enumerate(self.stages):
            for index, convolution in enumerate(stage):
                yield from under(f"features.{number}.{index}", convolution.tensors_at(sizes))
            height, width = (None if size is None else arithmetic.halved(size) for size in sizes)
            sizes = height, width
        if self.hidden:
            yield from linear("hidden", FEATURES, FEATURES)
        yield from self.classifier
