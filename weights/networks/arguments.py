"""The arguments of the published networks, for whoever calls them by their names."""

from __future__ import annotations

from typing import TypedDict


class GhostNetArguments(TypedDict, total=False):
    """The arguments of GhostNet, GhostNetV2 and GhostNetV3 without the width."""

    num_classes: int
    in_chans: int
    dropout: float
    ratio: float
    dw_kernel_size: int
    split: str
    head: str
    se_rounding: str
    shortcut_kernel_size: int
    shortcut_activation: str
    form: str
    bn_eps: float
    bn_momentum: float
