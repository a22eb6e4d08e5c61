"""The images that set the ranges of an int8 artefact, and that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from weights.errors import ArgumentError
from weights.networks.architectures import Config
from weights.text import brief


@dataclass(frozen=True)
class Samples:
    """Inputs of a network and, where they are known, their classes.

    Args:
        x: (N, C, H, W) in float32, preprocessed as the network wants it.
        labels: (N,), the index of each class; None where nobody knows it.

    Raises `ArgumentError` where they are empty, not finite, or do not fit each other.
    """

    x: np.ndarray = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        x = self.x
        if not isinstance(x, np.ndarray) or x.dtype != np.float32 or x.ndim != 4 or not x.size:
            got = f"{x.dtype.name} {x.shape}" if isinstance(x, np.ndarray) else brief(x)
            raise ArgumentError(f"`x` must be (N, C, H, W) in float32, none of them 0, got {got}")
        if not np.isfinite(x).all():
            raise ArgumentError("`x` must be finite: is `preprocess` right?")
        labels = self.labels
        if labels is None:
            return
        if labels.dtype.kind not in "iu" or labels.shape != x.shape[:1]:
            raise ArgumentError(
                f"`labels` must be {len(x)} integers, one for each image, got "
                f"{labels.dtype.name} {labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.x)

    def check(self, plan: Config) -> None:
        """Raise `ArgumentError` where a network cannot take the images, or has no such classes."""
        plan.check_input(self.x.shape, self.x.dtype.name)
        classes = int(getattr(plan, "num_classes", 0))
        if not classes:
            raise ArgumentError(
                "int8 needs a network with a classifier, as its verdict is on classes: this one "
                "has none"
            )
        if self.labels is not None and not (0 <= self.labels.min() <= self.labels.max() < classes):
            raise ArgumentError(
                f"`labels` must be indices of the {classes} classes, got {self.labels.min()} to "
                f"{self.labels.max()}"
            )

    def spread(self, most: int) -> np.ndarray:
        """Return (N,), which are at most so many of them, evenly spaced."""
        chosen = np.zeros(len(self), bool)
        chosen[np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int)] = True
        return chosen

    def only(self, chosen: np.ndarray) -> Samples:
        """Return those where `chosen` (N,) is true."""
        return Samples(self.x[chosen], None if self.labels is None else self.labels[chosen])
