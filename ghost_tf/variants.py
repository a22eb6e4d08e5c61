"""The published GhostNets by timm's names, with published weights where there are such."""

from __future__ import annotations

from typing import Any

from ghost_tf.networks.ghostnet import GhostNet, GhostNetV2, GhostNetV3
from ghost_tf.weights_io import build
from weights import hub


def ghostnet_050(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNet at width 0.5: 2.6 M parameters, 42 M multiply-accumulates."""
    return _variant("ghostnet_050", GhostNet, 0.5, pretrained, arguments)


def ghostnet_100(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNet: 5.2 M parameters, 141 M multiply-accumulates.

    `pretrained` is False, True (the published weights), a repository of the Hugging Face hub or
    the path of an interchange file. `arguments` are those of the class.

    >>> ghostnet_100(num_classes=10).plan.macs(224, 224)
    139883312
    """
    return _variant("ghostnet_100", GhostNet, 1.0, pretrained, arguments)


def ghostnet_130(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNet at width 1.3: 7.4 M parameters, 227 M multiply-accumulates."""
    return _variant("ghostnet_130", GhostNet, 1.3, pretrained, arguments)


def ghostnetv2_100(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV2: 6.2 M parameters, 167 M multiply-accumulates."""
    return _variant("ghostnetv2_100", GhostNetV2, 1.0, pretrained, arguments)


def ghostnetv2_130(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV2 at width 1.3: 9.0 M parameters, 269 M multiply-accumulates."""
    return _variant("ghostnetv2_130", GhostNetV2, 1.3, pretrained, arguments)


def ghostnetv2_160(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV2 at width 1.6: 12.4 M parameters, 399 M multiply-accumulates."""
    return _variant("ghostnetv2_160", GhostNetV2, 1.6, pretrained, arguments)


def ghostnetv3_050(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV3 at width 0.5; deployed 2.9 M parameters, 50 M multiply-accumulates."""
    return _variant("ghostnetv3_050", GhostNetV3, 0.5, pretrained, arguments)


def ghostnetv3_100(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV3; deployed 6.1 M parameters, 167 M multiply-accumulates."""
    return _variant("ghostnetv3_100", GhostNetV3, 1.0, pretrained, arguments)


def ghostnetv3_130(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV3 at width 1.3; deployed 8.9 M parameters, 269 M multiply-accumulates."""
    return _variant("ghostnetv3_130", GhostNetV3, 1.3, pretrained, arguments)


def ghostnetv3_160(pretrained: Any = False, **arguments: Any) -> Any:
    """GhostNetV3 at width 1.6; deployed 12.4 M parameters, 399 M multiply-accumulates."""
    return _variant("ghostnetv3_160", GhostNetV3, 1.6, pretrained, arguments)


def _variant(name: str, kind: Any, width: float, pretrained: Any, arguments: Any) -> Any:
    if not pretrained:
        return kind(width, **arguments)
    return build(*hub.pretrained(name, pretrained, arguments))
