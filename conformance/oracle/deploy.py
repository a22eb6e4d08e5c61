"""The form in which a network is used: no branches, no batch normalisation after a convolution."""

from __future__ import annotations

from typing import Any

from conformance.oracle.weights_io import actual_plan, like, state
from weights.columns import fold
from weights.modules.forms import FOLDED


def deploy(module: Any, form: str = FOLDED) -> Any:
    """A new module in deployed form that computes what `module` computes in evaluation.

    Form `folded` has every batch normalisation inside the convolution before it, and is for every
    layer and network; form `deployed` merges the branches of GhostNetV3 only, as timm does. The new
    module is in evaluation mode and refuses training. Raises `weights.ArgumentError` where there is
    nothing to merge.

    >>> from conformance.oracle import GhostConvV3
    >>> deploy(GhostConvV3(16, 32)).config["form"]
    'folded'
    """
    config, tensors = actual_plan(module).to_dict(), state(module)
    config, tensors = fold.deployed(module.architecture, config, tensors, form)
    deployed = like(module, config, tensors)
    return deployed
