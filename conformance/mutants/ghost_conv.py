"""Defects of how a GhostConv puts its two halves together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np

from conformance.mutants.mutant import Mutant, Patch
from conformance.oracle.ghost_conv import GhostConv
from weights import arithmetic

Forward = Callable[[Any, np.ndarray], np.ndarray]


def calls(forward: Forward) -> Callable[[Any], None]:
    """Let a GhostConv compute by another function."""

    def change(module: Any) -> None:
        if isinstance(module, GhostConv):
            kind = type(module)

            def call(self: Any, x: np.ndarray) -> np.ndarray:
                self.plan.check_input(x.shape, x.dtype.name)
                return forward(self, x)

            module.__class__ = type(kind.__name__, (kind,), {"__call__": call})

    return change


def _both(layer: GhostConv, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    primary = layer.primary_conv(x)
    return primary, None if layer.cheap_conv is None else layer.cheap_conv(primary)


def _joined(*arrays: np.ndarray | None) -> np.ndarray:
    return np.concatenate([array for array in arrays if array is not None], axis=1)


def _ghosts_first(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = _both(layer, x)
    return _joined(cheap, primary)[:, : layer.c_out]


def _interleaved(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    both = _joined(*_both(layer, x))
    order = np.arange(both.shape[1]).reshape(-1, layer.c_int).T.reshape(-1)
    return both[:, order][:, : layer.c_out]


def _ghost_order(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = _both(layer, x)
    if cheap is not None:
        order = np.arange(cheap.shape[1]).reshape(layer.c_int, -1).T.reshape(-1)
        cheap = cheap[:, order]
    return _joined(primary, cheap)[:, : layer.c_out]


def _last_channels(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return _joined(*_both(layer, x))[:, -layer.c_out :]


def _primary_cropped(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = _both(layer, x)
    if cheap is None:
        return primary[:, : layer.c_out]
    kept = max(layer.c_out - cheap.shape[1], 0)
    return _joined(primary[:, :kept], cheap)[:, : layer.c_out]


def _not_cropped(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return _joined(*_both(layer, x))


def _before_activation(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, half = layer.primary_conv(x), layer.primary_conv
    source = half.norm(half.conv(x))
    cheap = None if layer.cheap_conv is None else layer.cheap_conv(source)
    return _joined(primary, cheap)[:, : layer.c_out]


def _channels_last(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    out = _joined(*_both(layer, x))[:, : layer.c_out]
    return np.ascontiguousarray(out.transpose(0, 2, 3, 1)).reshape(out.shape)


def _blue_first(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return _joined(*_both(layer, np.ascontiguousarray(x[:, ::-1])))[:, : layer.c_out]


def _cheap_of_input(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = _both(layer, x)
    if cheap is None or x.shape != primary.shape:
        return _joined(primary, cheap)[:, : layer.c_out]
    return _joined(primary, layer.cheap_conv(x))[:, : layer.c_out]


def _stride_on_cheap(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    """The primary half at stride 1, positions left out at the end: sizes are the same."""
    conv = layer.primary_conv.conv
    if conv.stride == (1, 1):
        return _joined(*_both(layer, x))[:, : layer.c_out]
    layer.primary_conv.conv = replace(conv, stride=(1, 1))
    try:
        primary, cheap = _both(layer, x)
    finally:
        layer.primary_conv.conv = conv
    rows, columns = conv.stride
    return _joined(primary, cheap)[:, : layer.c_out, ::rows, ::columns]


def _dilated_cheap(module: Any) -> None:
    primary, cheap = module.primary_conv.conv, module.cheap_conv
    if cheap is not None:
        kernel = cheap.conv.weight.shape[2:]
        padding = tuple(
            (size - 1) * rate // 2 for size, rate in zip(kernel, primary.dilation, strict=True)
        )
        cheap.conv = replace(cheap.conv, dilation=primary.dilation, padding=padding)


def _divides(share_to_channels: Callable[[float], int]) -> tuple[Patch, ...]:
    """Another rule of rounding where the configuration says `round`."""
    right = arithmetic.split_channels

    def split_channels(c_out: int, ratio: float, split: str = "round") -> arithmetic.ChannelSplit:
        if split != "round":
            return right(c_out, ratio, split)
        c_int = max(1, share_to_channels(c_out / ratio))
        return arithmetic.ChannelSplit(c_int, -(-max(c_out - c_int, 0) // c_int))

    return ((arithmetic, "split_channels", split_channels),)


HALF_MUTANTS = (
    Mutant("ghosts-first", "ghosts before the primary channels", "exact", calls(_ghosts_first)),
    Mutant("interleaved", "primary channels and ghosts interleaved", "exact", calls(_interleaved)),
    Mutant("ghost-order", "ghost g of channel c at g * c_int + c", "exact", calls(_ghost_order)),
    Mutant("crop-front", "the first channels are cropped", "exact", calls(_last_channels)),
    Mutant("crop-primary", "primary channels cropped, ghosts kept", "exact",
           calls(_primary_cropped)),
    Mutant("no-crop", "nothing is cropped", "exact", calls(_not_cropped)),
    Mutant("before-activation", "ghosts made before the activation", "exact",
           calls(_before_activation)),
    Mutant("channels-last", "the output in the order N, H, W, C", "exact", calls(_channels_last)),
    Mutant("channels-reversed", "input channels in reverse", "exact", calls(_blue_first)),
    Mutant("cheap-of-input", "ghosts made of the input", "exact", calls(_cheap_of_input)),
    Mutant("stride-on-cheap", "the cheap half strides over unstrided channels", "exact",
           calls(_stride_on_cheap)),
    Mutant("rounded-up", "c_out / ratio rounded up", "contract", patches=_divides(ceil)),
    Mutant("rounded-down", "c_out / ratio rounded down", "contract", patches=_divides(floor)),
    Mutant("rounded-half-up", "c_out / ratio: halves rounded up", "contract",
           patches=_divides(lambda share: floor(share + 0.5))),
    Mutant("dilated-cheap", "the dilation on the cheap half too", "exact", _dilated_cheap),
)  # fmt: skip
