"""The base of networks: stages one after the other, and a classifier."""

from collections.abc import Iterator
from typing import Any

import keras

from ghost_tf.layers import linear
from ghost_tf.saving.planned import Planned
from weights.networks.network import NetworkConfig


class Network(Planned, keras.Model):
    """A network from images to logits, stage by stage."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Shapes: x: (N, H, W, in_chans), or channels first, to logits (N, num_classes)."""
        for _, out in self._steps(x, training):
            x = out
        return x

    def stages(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The output of every stage, from the first convolution to the logits."""
        return dict(self._steps(x, training))

    def _steps(self, x: Any, training: bool | None) -> Iterator[tuple[str, Any]]:
        """The output of every stage by its name, in turn."""
        raise NotImplementedError


def classifier(plan: NetworkConfig, **options: Any) -> Any:
    """The linear layer from features to logits; none where there are no classes."""
    return linear(plan.num_features, plan.num_classes, **options) if plan.num_classes else None
