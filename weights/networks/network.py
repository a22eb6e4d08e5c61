"""The base of the configurations of networks: images in, logits out."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from weights.modules.configuration import Configuration
from weights.modules.convolutions import Operation, Sizes, linear


class NetworkConfig(Configuration):
    """A network from images to logits, or to its features where `num_classes` is 0."""

    num_classes: int
    # Channels before the classifier.
    num_features: ClassVar[int]
    input_argument = "in_chans"

    @cached_property
    def classifier(self) -> Operation | None:
        """The linear layer at the end, where there are classes."""
        return linear(self.num_features, self.num_classes) if self.num_classes else None

    @property
    def output_channels(self) -> int:
        """Logits, or features where there are no classes."""
        return self.num_classes or self.num_features

    def output_sizes(self, sizes: Sizes) -> tuple[()]:
        """None: the output has no height and width."""
        return ()
