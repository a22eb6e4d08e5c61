"""Usual faults of how a GhostConv puts its two halves together."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.faults.changes import calls, halves, joined, joins
from conformance.faults.fault import Fault
from conformance.oracle.ghost_conv import GhostConv


def _reordered(channels: np.ndarray, columns: int) -> np.ndarray:
    """The channels of a table by rows, read by columns."""
    return channels[:, np.arange(channels.shape[1]).reshape(-1, columns).T.reshape(-1)]


def _interleaved(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    return _reordered(joined(primary, cheap), layer.c_int)[:, : layer.c_out]


def _ghost_order(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    if cheap is not None:
        cheap = _reordered(cheap, cheap.shape[1] // layer.c_int)
    return joined(primary, cheap)[:, : layer.c_out]


def _channels_last(layer: GhostConv, primary: np.ndarray, cheap: Any) -> np.ndarray:
    out = joined(primary, cheap)[:, : layer.c_out]
    return np.ascontiguousarray(out.transpose(0, 2, 3, 1)).reshape(out.shape)


def _before_activation(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    half = layer.primary_conv
    cheap = None if layer.cheap_conv is None else layer.cheap_conv(half.norm(half.conv(x)))
    return joined(half(x), cheap)[:, : layer.c_out]


def _channels_reversed(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return joined(*halves(layer, np.ascontiguousarray(x[:, ::-1])))[:, : layer.c_out]


def _cheap_of_input(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary, cheap = halves(layer, x)
    if layer.cheap_conv is not None and x.shape == primary.shape:
        cheap = layer.cheap_conv(x)
    return joined(primary, cheap)[:, : layer.c_out]


def _input_channels_last(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    batch, channels, height, width = x.shape
    given = x.reshape(batch, height, width, channels).transpose(0, 3, 1, 2)
    return joined(*halves(layer, given))[:, : layer.c_out]


EXACT = "exact"
GHOST_CONV_FAULTS = (
    Fault("ghosts-first", "ghosts before the primary channels", EXACT,
          joins(lambda layer, primary, cheap: joined(cheap, primary)[:, : layer.c_out])),
    Fault("interleaved", "primary channels and ghosts interleaved", EXACT, joins(_interleaved)),
    Fault("ghost-order", "ghost g of channel c at g * c_int + c", EXACT, joins(_ghost_order)),
    Fault("crop-front", "the first channels are cropped", EXACT,
          joins(lambda layer, *both: joined(*both)[:, -layer.c_out :])),
    Fault("before-activation", "ghosts made before the activation", EXACT,
          calls(_before_activation)),
    Fault("channels-last", "the output in the order N, H, W, C", EXACT, joins(_channels_last)),
    Fault("input-channels-last", "the input in the order N, H, W, C", EXACT,
          calls(_input_channels_last)),
    Fault("channels-reversed", "input channels in reverse", EXACT, calls(_channels_reversed)),
    Fault("cheap-of-input", "ghosts made of the input", EXACT, calls(_cheap_of_input)),
)  # fmt: skip
