"""The published GhostNets by timm's names, with published weights where there are such.

How large each is and which repository has its weights stands in `weights.networks.variants`.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypedDict, TypeVar, Unpack, overload

import torch

from ghost_torch.networks.features import FeatureNetwork
from ghost_torch.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_torch.networks.repghostnet import RepGhostNet
from ghost_torch.weights_io import FRAMEWORK
from weights.columns.planned import with_features
from weights.hub import Pretrained
from weights.networks.features import Indices
from weights.networks.variants import GhostNetArguments, RepGhostNetArguments


class Own(TypedDict, total=False):
    """The keywords of a network that are this framework's."""

    remat: bool
    device: torch.device | str | int | None
    dtype: torch.dtype | None


class Options(GhostNetArguments, Own, total=False):
    """The arguments of GhostNet, GhostNetV2 and GhostNetV3 without the width."""


class RepOptions(RepGhostNetArguments, Own, total=False):
    """The arguments of RepGhostNet without the width."""


Made = TypeVar("Made", covariant=True)


class GhostNets(Protocol[Made]):
    """Makes a GhostNet, GhostNetV2 or GhostNetV3, or its feature maps as a module."""

    @overload
    def __call__(
        self, pretrained: Pretrained = False, *, features_only: Literal[True],
        out_indices: Indices = None, **options: Unpack[Options],
    ) -> FeatureNetwork: ...  # fmt: skip

    @overload
    def __call__(
        self, pretrained: Pretrained = False, *, features_only: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Made: ...  # fmt: skip


class RepGhostNets(Protocol):
    """Makes a RepGhostNet, or its feature maps as a module."""

    @overload
    def __call__(
        self, pretrained: Pretrained = False, *, features_only: Literal[True],
        out_indices: Indices = None, **options: Unpack[RepOptions],
    ) -> FeatureNetwork: ...  # fmt: skip

    @overload
    def __call__(
        self, pretrained: Pretrained = False, *, features_only: Literal[False] = False,
        **options: Unpack[RepOptions],
    ) -> RepGhostNet: ...  # fmt: skip


def _ghostnet(make: Callable[..., Made]) -> GhostNets[Made]:
    return with_features(make, FeatureNetwork)


def _repghostnet(make: Callable[..., RepGhostNet]) -> RepGhostNets:
    return with_features(make, FeatureNetwork)


@_ghostnet
def ghostnet_050(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNet:
    """GhostNet at width 0.5; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnet_050", GhostNet, pretrained, options)


@_ghostnet
def ghostnet_100(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNet:
    """GhostNet.

    Args:
        pretrained: False (fresh weights), True (the published ones), a repository of the Hugging
            Face hub or the path of an interchange file.
        features_only: make the `FeatureNetwork` of it, which returns a list of feature maps.
        out_indices: which feature maps that has; all five of timm's without it.
        options: those of the class; with pretrained weights `num_classes`, `in_chans`, `dropout`.

    >>> ghostnet_100(num_classes=10).plan.macs(224, 224)
    139883312
    """
    return FRAMEWORK.variant("ghostnet_100", GhostNet, pretrained, options)


@_ghostnet
def ghostnet_130(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNet:
    """GhostNet at width 1.3; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnet_130", GhostNet, pretrained, options)


@_ghostnet
def ghostnetv2_100(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV2:
    """GhostNetV2; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv2_100", GhostNetV2, pretrained, options)


@_ghostnet
def ghostnetv2_130(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV2:
    """GhostNetV2 at width 1.3; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv2_130", GhostNetV2, pretrained, options)


@_ghostnet
def ghostnetv2_160(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV2:
    """GhostNetV2 at width 1.6; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv2_160", GhostNetV2, pretrained, options)


@_ghostnet
def ghostnetv3_050(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV3:
    """GhostNetV3 at width 0.5; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv3_050", GhostNetV3, pretrained, options)


@_ghostnet
def ghostnetv3_100(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV3:
    """GhostNetV3; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv3_100", GhostNetV3, pretrained, options)


@_ghostnet
def ghostnetv3_130(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV3:
    """GhostNetV3 at width 1.3; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv3_130", GhostNetV3, pretrained, options)


@_ghostnet
def ghostnetv3_160(pretrained: Pretrained = False, **options: Unpack[Options]) -> GhostNetV3:
    """GhostNetV3 at width 1.6; its arguments are those of `ghostnet_100`."""
    return FRAMEWORK.variant("ghostnetv3_160", GhostNetV3, pretrained, options)


@_repghostnet
def repghostnet_050(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 0.5; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_050", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_058(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 0.58; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_058", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_080(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 0.8; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_080", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_100(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet.

    Args:
        pretrained: as in `ghostnet_100`.
        options: those of the class; with pretrained weights `num_classes`, `in_chans`, `dropout`.
    """
    return FRAMEWORK.variant("repghostnet_100", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_111(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 1.11; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_111", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_130(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 1.3; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_130", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_150(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 1.5; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_150", RepGhostNet, pretrained, options)


@_repghostnet
def repghostnet_200(pretrained: Pretrained = False, **options: Unpack[RepOptions]) -> RepGhostNet:
    """RepGhostNet at width 2.0; its arguments are those of `repghostnet_100`."""
    return FRAMEWORK.variant("repghostnet_200", RepGhostNet, pretrained, options)
