"""The base of networks: stages one after the other, and a classifier."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.oracle.layers import linear
from conformance.oracle.planned import Planned
from weights.networks.network import NetworkConfig


class Network(Planned):
    """A network from images to logits, stage by stage."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, in_chans, H, W) to logits (N, num_classes)."""
        for _, out in self._steps(x):
            x = out
        return x

    def stages(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every stage, from the first convolution to the logits."""
        return dict(self._steps(x))

    def _steps(self, x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The output of every stage by its name, in turn."""
        raise NotImplementedError


def classifier(plan: NetworkConfig, **options: Any) -> Any:
    """The linear layer from features to logits; none where there are no classes."""
    return linear(plan.num_features, plan.num_classes, **options) if plan.num_classes else None
