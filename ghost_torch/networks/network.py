"""The base of networks: stages one after the other, and a classifier."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ghost_torch.framework.planned import Planned
from ghost_torch.layers import linear
from weights.networks.network import NetworkConfig


class Network(Planned):
    """A network from images to logits, stage by stage."""

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, in_chans, H, W) to logits (N, num_classes)."""
        for _, out in self._steps(x):
            x = out
        return x

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        """The output of every stage, from the first convolution to the logits."""
        return dict(self._steps(x))

    def _steps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The output of every stage by its name, in turn."""
        raise NotImplementedError


def classifier(plan: NetworkConfig, **options: Any) -> Any:
    """The linear layer from features to logits; none where there are no classes."""
    return linear(plan.num_features, plan.num_classes, **options) if plan.num_classes else None
