"""A network's feature maps as a module of its own, where a detector wants a backbone."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ghost_torch.framework.planned import Planned
from ghost_torch.networks.network import Network
from weights import ArgumentError
from weights.columns.planned import outputs_at
from weights.networks.features import FeatureInfo, FeaturesConfig, Indices

# What holds layers in an order.
LISTS = nn.ModuleList


class FeatureNetwork(Planned):
    """Some feature maps of a network, from its first layer to the last that they need.

    The layers are the network's own, at the same paths: both have the same weights from then on.
    What comes after the last feature map is not part of it.

    Args:
        network: the network, such as `ghostnet_100()` or what `from_file` returns.
        out_indices: which feature maps, from the input to the output: their places among those that
            timm has (negative ones count from the last), or paths such as "blocks.9" and
            "conv_head", the vector before the classifier. None is all of timm's.

    Shapes: x: (N, in_chans, H, W) to a list of (N, C, H', W'), as `feature_info` has them.

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> import torch
    >>> from ghost_torch import ghostnet_050
    >>> backbone = FeatureNetwork(ghostnet_050(), (2, "blocks.9"))
    >>> backbone.feature_info.channels(), backbone.feature_info.reduction()
    ([20, 480], [8, 32])
    >>> [tuple(feature.shape) for feature in backbone(torch.zeros(2, 3, 64, 64))]
    [(2, 20, 8, 8), (2, 480, 2, 2)]
    """

    def __init__(self, network: Network, out_indices: Indices = None) -> None:
        if not isinstance(network, Network):
            raise ArgumentError(f"`network` must be a network, got {type(network).__name__}")
        plan = FeaturesConfig(network.architecture, network.plan, out_indices)
        nn.Module.__init__(self)
        self.plan = plan
        self.kind = type(network)
        self.remat = getattr(network, "remat", False)
        for path, layer in plan.used(_layers(network), LISTS).items():
            setattr(self, path, layer)

    @property
    def feature_info(self) -> FeatureInfo:
        """The path, channels and reduction of every feature map."""
        return self.plan.info

    def forward(self, x: Tensor) -> list[Tensor]:
        """Shapes: x: (N, in_chans, H, W) to a list of (N, C, H', W')."""
        steps: Any = self.kind._steps
        return list(outputs_at(self.plan.stages, steps(self, x)).values())

    def _head(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What the steps of the network end with."""
        steps: Any = self.kind
        yield from steps._head(self, x)


def _layers(network: Network) -> dict[str, nn.Module]:
    return dict(network.named_children())
