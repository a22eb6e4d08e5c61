"""A network's feature maps as a module of its own, where a detector wants a backbone."""

from collections.abc import Iterator
from typing import Any

import jax
from flax import nnx

from ghost_jax.framework.planned import Planned
from ghost_jax.networks.network import Network
from weights import ArgumentError
from weights.columns.planned import outputs_at
from weights.networks.features import FeatureInfo, FeaturesConfig, Indices

# What holds layers in an order.
LISTS = nnx.List


class FeatureNetwork(Planned):
    """Some feature maps of a network, from its first layer to the last that they need.

    The layers are the network's own, at the same paths: both have the same weights from then on.
    What comes after the last feature map is not part of it.

    Args:
        network: the network, such as `ghostnet_100(rngs=rngs)` or what `from_file` returns.
        out_indices: which feature maps, from the input to the output: their places among those that
            timm has (negative ones count from the last), or paths such as "blocks.9" and
            "conv_head", the vector before the classifier. None is all of timm's.

    Shapes: x: (N, H, W, in_chans) to a list of (N, H', W', C), as `feature_info` has them.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> from jax import numpy as jnp
    >>> from ghost_jax import ghostnet_050
    >>> make = lambda: FeatureNetwork(ghostnet_050(rngs=nnx.Rngs(0)), (2, "blocks.9"))
    >>> backbone = nnx.eval_shape(make)
    >>> backbone.feature_info.channels(), backbone.feature_info.reduction()
    ([20, 480], [8, 32])
    >>> x = jnp.zeros((2, 64, 64, 3))
    >>> [feature.shape for feature in nnx.eval_shape(FeatureNetwork.__call__, backbone, x)]
    [(2, 8, 8, 20), (2, 2, 2, 480)]
    """

    def __init__(self, network: Network, out_indices: Indices = None) -> None:
        if not isinstance(network, Network):
            raise ArgumentError(f"`network` must be a network, got {type(network).__name__}")
        plan = FeaturesConfig(network.architecture, network.plan, out_indices)
        self.plan = plan
        self.kind = type(network)
        for path, layer in plan.used(_layers(network), LISTS).items():
            setattr(self, path, layer)

    @property
    def feature_info(self) -> FeatureInfo:
        """The path, channels and reduction of every feature map."""
        return self.plan.info

    def __call__(self, x: jax.Array) -> list[jax.Array]:
        """Shapes: x: (N, H, W, in_chans) to a list of (N, H', W', C)."""
        steps: Any = self.kind._steps
        return list(outputs_at(self.plan.stages, steps(self, x)).values())

    def _head(self, x: jax.Array) -> Iterator[tuple[str, jax.Array]]:
        """What the steps of the network end with."""
        steps: Any = self.kind
        yield from steps._head(self, x)


def _layers(network: Network) -> dict[str, Any]:
    return {
        name: value for name, value in vars(network).items() if not name.startswith(("_", "plan"))
    }
