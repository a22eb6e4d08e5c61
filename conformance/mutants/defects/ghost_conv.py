"""Defects of how a GhostConv puts its two halves together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np

from conformance.faults.changes import calls, halves, joined, joins
from conformance.mutants.mutant import Mutant, Patch
from conformance.oracle.ghost_conv import GhostConv
from weights import arithmetic


def _primary_cropped(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    kept = layer.c_out - (0 if cheap is None else cheap.shape[1])
    return joined(primary[:, : max(kept, 0)], cheap)[:, : layer.c_out]


def _stride_on_cheap(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    """Compute the primary half at stride 1, and leave positions out at the end."""
    conv = layer.primary_conv.conv
    layer.primary_conv.conv = replace(conv, stride=(1, 1))
    try:
        out = joined(*halves(layer, x))
    finally:
        layer.primary_conv.conv = conv
    rows, columns = conv.stride
    return out[:, : layer.c_out, ::rows, ::columns]


def _dilated_cheap(module: Any) -> None:
    primary, cheap = module.primary_conv.conv, module.cheap_conv
    if cheap is not None:
        pairs = zip(cheap.conv.dilation, primary.dilation, strict=True)
        dilation = tuple(own * other for own, other in pairs)
        kernel = cheap.conv.weight.shape[2:]
        sizes = zip(kernel, dilation, strict=True)
        padding = tuple((size - 1) * rate // 2 for size, rate in sizes)
        cheap.conv = replace(cheap.conv, dilation=dilation, padding=padding)


def _splits(rule: Callable[[float], int]) -> tuple[Patch, ...]:
    """Round to the primary channels by another function where the configuration says `round`."""
    right = arithmetic.split_channels

    def split_channels(c_out: int, ratio: float, split: str = "round") -> arithmetic.ChannelSplit:
        if split != "round":
            return right(c_out, ratio, split)
        c_int = max(1, rule(c_out / ratio))
        return arithmetic.ChannelSplit(c_int, -(-max(c_out - c_int, 0) // c_int))

    return ((arithmetic, "split_channels", split_channels),)


GHOST_CONV_MUTANTS = (
    Mutant("crop-primary", "primary channels cropped, ghosts kept", "exact",
           joins(_primary_cropped)),
    Mutant("no-crop", "nothing is cropped", "exact",
           joins(lambda layer, *halves: joined(*halves))),
    Mutant("stride-on-cheap", "the cheap half strides over unstrided channels", "exact",
           calls(_stride_on_cheap)),
    Mutant("rounded-up", "c_out / ratio rounded up", "contract", patches=_splits(ceil)),
    Mutant("rounded-down", "c_out / ratio rounded down", "contract", patches=_splits(floor)),
    Mutant("rounded-half-up", "c_out / ratio: halves rounded up", "contract",
           patches=_splits(lambda share: floor(share + 0.5))),
    Mutant("dilated-cheap", "the dilation on the cheap half too", "exact", _dilated_cheap),
)  # fmt: skip
