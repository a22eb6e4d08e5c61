"""Defects of how a GhostConv puts its two halves together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np

from conformance.mutants.mutant import Change, Mutant, Patch
from conformance.oracle.ghost_conv import GhostConv
from conformance.oracle.layers import check_input
from weights import arithmetic

Join = Callable[[GhostConv, np.ndarray, Any], np.ndarray]


def calls(forward: Callable[[GhostConv, np.ndarray], np.ndarray]) -> Change:
    """Let a GhostConv compute by `forward(layer, x)`."""

    def call(self: GhostConv, x: np.ndarray) -> np.ndarray:
        check_input(self, x)
        return forward(self, x)

    def change(module: Any) -> None:
        if isinstance(module, GhostConv):
            module.__class__ = type("Mutated", (type(module),), {"__call__": call})

    return change


def joins(join: Join) -> Change:
    """Let a GhostConv join its halves by `join(layer, primary, cheap)`; `cheap` may be None."""
    return calls(lambda layer, x: join(layer, *_halves(layer, x)))


def _halves(layer: GhostConv, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    primary = layer.primary_conv(x)
    return primary, None if layer.cheap_conv is None else layer.cheap_conv(primary)


def _joined(*arrays: np.ndarray | None) -> np.ndarray:
    return np.concatenate([array for array in arrays if array is not None], axis=1)


def _reordered(channels: np.ndarray, columns: int) -> np.ndarray:
    """The channels of a table by rows, read by columns."""
    return channels[:, np.arange(channels.shape[1]).reshape(-1, columns).T.reshape(-1)]


def _interleaved(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    return _reordered(_joined(primary, cheap), layer.c_int)[:, : layer.c_out]


def _ghost_order(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    if cheap is not None:
        cheap = _reordered(cheap, cheap.shape[1] // layer.c_int)
    return _joined(primary, cheap)[:, : layer.c_out]


def _primary_cropped(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    kept = layer.c_out - (0 if cheap is None else cheap.shape[1])
    return _joined(primary[:, : max(kept, 0)], cheap)[:, : layer.c_out]


def _channels_last(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    out = _joined(primary, cheap)[:, : layer.c_out]
    return np.ascontiguousarray(out.transpose(0, 2, 3, 1)).reshape(out.shape)


def _before_activation(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    half = layer.primary_conv
    cheap = None if layer.cheap_conv is None else layer.cheap_conv(half.norm(half.conv(x)))
    return _joined(half(x), cheap)[:, : layer.c_out]


def _channels_reversed(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return _joined(*_halves(layer, np.ascontiguousarray(x[:, ::-1])))[:, : layer.c_out]


def _cheap_of_input(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = _halves(layer, x)
    if layer.cheap_conv is not None and x.shape == primary.shape:
        cheap = layer.cheap_conv(x)
    return _joined(primary, cheap)[:, : layer.c_out]


def _stride_on_cheap(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    """Compute the primary half at stride 1, and leave positions out at the end."""
    conv = layer.primary_conv.conv
    layer.primary_conv.conv = replace(conv, stride=(1, 1))
    try:
        out = _joined(*_halves(layer, x))
    finally:
        layer.primary_conv.conv = conv
    rows, columns = conv.stride
    return out[:, : layer.c_out, ::rows, ::columns]


def _dilated_cheap(module: Any) -> None:
    primary, cheap = module.primary_conv.conv, module.cheap_conv
    if cheap is not None:
        kernel = cheap.conv.weight.shape[2:]
        padding = tuple(
            (size - 1) * rate // 2 for size, rate in zip(kernel, primary.dilation, strict=True)
        )
        cheap.conv = replace(cheap.conv, dilation=primary.dilation, padding=padding)


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
    Mutant("ghosts-first", "ghosts before the primary channels", "exact",
           joins(lambda layer, primary, cheap: _joined(cheap, primary)[:, : layer.c_out])),
    Mutant("interleaved", "primary channels and ghosts interleaved", "exact", joins(_interleaved)),
    Mutant("ghost-order", "ghost g of channel c at g * c_int + c", "exact", joins(_ghost_order)),
    Mutant("crop-front", "the first channels are cropped", "exact",
           joins(lambda layer, *halves: _joined(*halves)[:, -layer.c_out :])),
    Mutant("crop-primary", "primary channels cropped, ghosts kept", "exact",
           joins(_primary_cropped)),
    Mutant("no-crop", "nothing is cropped", "exact",
           joins(lambda layer, *halves: _joined(*halves))),
    Mutant("before-activation", "ghosts made before the activation", "exact",
           calls(_before_activation)),
    Mutant("channels-last", "the output in the order N, H, W, C", "exact", joins(_channels_last)),
    Mutant("channels-reversed", "input channels in reverse", "exact", calls(_channels_reversed)),
    Mutant("cheap-of-input", "ghosts made of the input", "exact", calls(_cheap_of_input)),
    Mutant("stride-on-cheap", "the cheap half strides over unstrided channels", "exact",
           calls(_stride_on_cheap)),
    Mutant("rounded-up", "c_out / ratio rounded up", "contract", patches=_splits(ceil)),
    Mutant("rounded-down", "c_out / ratio rounded down", "contract", patches=_splits(floor)),
    Mutant("rounded-half-up", "c_out / ratio: halves rounded up", "contract",
           patches=_splits(lambda share: floor(share + 0.5))),
    Mutant("dilated-cheap", "the dilation on the cheap half too", "exact", _dilated_cheap),
)  # fmt: skip
