"""The arguments of the published networks, for whoever calls them by their names."""

from __future__ import annotations

from typing import TypedDict

from weights.modules.arguments import Activation, Rounding, Split
from weights.modules.forms import Form
from weights.networks.ghostnet import Head


class GhostNetArguments(TypedDict, total=False):
    """The arguments of GhostNet, GhostNetV2 and GhostNetV3 without the width."""

    num_classes: int
    in_chans: int
    dropout: float
    ratio: float
    dw_kernel_size: int
    split: Split
    head: Head
    se_rounding: Rounding
    shortcut_kernel_size: int
    shortcut_activation: Activation
    bn_eps: float
    bn_momentum: float
    form: Form
