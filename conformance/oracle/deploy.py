"""The form in which a network is used: branches merged into one convolution each."""

from __future__ import annotations

from typing import Any

from conformance.oracle.weights_io import build, state
from weights import fold


def deploy(module: Any) -> Any:
    """A new module in deployed form that computes what `module` computes in evaluation.

    For GhostConvV3, a GhostBottleneck with branches, and GhostNetV3 in form `training`; raises
    `weights.ArgumentError` for anything else. The new module is in evaluation mode.

    >>> from conformance.oracle import GhostConvV3
    >>> deploy(GhostConvV3(16, 32)).config["form"]
    'deployed'
    """
    config, tensors = fold.deployed(module.architecture, module.config, state(module))
    deployed = build(module.architecture, config, tensors)
    return deployed
