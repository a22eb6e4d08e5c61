"""The base of the configurations of networks: images in, logits out."""

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from weights import checks
from weights.errors import ArgumentError
from weights.limits import check_kernel
from weights.modules.configuration import Configuration
from weights.tensors import Sizes, TensorSpec, linear


@dataclass(frozen=True)
class FeatureMap:
    """A feature map of a network: the path it stands at, its channels, and its reduction.

    `reduction` is how many pixels of the image lie between two positions; 0 of what has none.
    `stage` is its name among the network's stages, where that is not the path, and `layers` what
    computes it last.
    """

    path: str
    channels: int
    reduction: int
    stage: str = field(default="", repr=False)
    layers: tuple[str, ...] = field(default=(), repr=False)


class NetworkConfig(Configuration):
    """A network from images to logits, or to its features where `num_classes` is 0."""

    num_classes: int
    # The paths of the feature maps that a detector takes, which timm counts from 0.
    counted: ClassVar[tuple[str, ...]]
    # Channels before the classifier, and its name.
    num_features: ClassVar[int]
    classifier_name: ClassVar[str] = "linear"
    # Why an input may not be smaller than `minimum_size`.
    too_small: ClassVar[str] = "nothing would be left of the smallest maps"
    input_argument = "in_chans"

    @cached_property
    def classifier(self) -> tuple[tuple[TensorSpec, Sizes], ...]:
        """The tensors of the linear layer at the end; none where there are no classes."""
        if not self.num_classes:
            return ()
        check_kernel((self.num_classes, self.num_features))
        return tuple(linear(self.classifier_name, self.num_features, self.num_classes))

    @property
    @abstractmethod
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        """Everything that can be asked for as a feature map, from the input to the output."""

    def reduced(self, size: int, reduction: int) -> int:
        """Height or width of a feature map, of an image of that height or width."""
        return -(-size // reduction)

    @property
    def output_channels(self) -> int:
        """Logits, or features where there are no classes."""
        return self.num_classes or self.num_features

    @property
    def minimum_size(self) -> int:
        """The least height and width of an input."""
        return 1

    def output_sizes(self, sizes: Sizes) -> tuple[()]:
        """None: the output has no height and width."""
        return ()

    def check_sizes(self, sizes: Sizes) -> None:
        """Raise `ArgumentError` for an input of which nothing would be left."""
        (height, width), least = sizes, self.minimum_size
        if any(size is not None and size < least for size in sizes):
            raise ArgumentError(
                f"the input must be at least {least} x {least} (height x width), got "
                f"{height} x {width}: {self.too_small}; enlarge it"
            )


class StemRatio(NetworkConfig):
    """A network whose first ghost convolution may have a ratio of its own."""

    ratio: float
    stem_ratio: Any

    def check_together(self) -> None:
        """Check `stem_ratio`, which is `ratio` where it is not given."""
        stem_ratio = self.ratio if self.stem_ratio is None else self.stem_ratio
        self._set("stem_ratio", checks.ratio("stem_ratio", stem_ratio))
