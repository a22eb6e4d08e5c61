"""Deliberately wrong copies of the oracle, each with one defect that people really make.

Run one with `ghost-conformance run --implementation tests.conformance.wrong:interleaved`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from conformance import NotSupported
from conformance.oracle import GhostConv, weights_io
from conformance.oracle.layers import Convolution


class Wrong:
    """An implementation from a function of the oracle's layer and an input."""

    def __init__(self, layer: GhostConv, forward: Callable[[GhostConv, Any], Any]) -> None:
        self.layer = layer
        self.forward = forward

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.layer.plan.check_input(x.shape, x.dtype.name)
        return self.forward(self.layer, x)

    def state(self) -> dict[str, np.ndarray]:
        return weights_io.state(self.layer)


def _build(forward: Callable[[GhostConv, Any], Any]) -> Callable[..., Wrong]:
    def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Wrong:
        if architecture != "ghost_conv":
            raise NotSupported("it is a layer, not a network")
        return Wrong(weights_io.build(architecture, config, weights), forward)

    return build


def _halves(layer: GhostConv, x: np.ndarray) -> list[np.ndarray]:
    primary = layer.primary_conv(x)
    return [primary] if layer.cheap_conv is None else [primary, layer.cheap_conv(primary)]


def _right(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return layer(x)


def _interleaved(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    both = np.concatenate(_halves(layer, x), axis=1)
    order = np.arange(both.shape[1]).reshape(-1, layer.c_int).T.reshape(-1)
    return both[:, order][:, : layer.c_out]


def _asymmetric_padding(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    conv: Convolution = layer.primary_conv.conv
    (rows, columns), none = conv.padding, (0, 0)
    padded = np.pad(x, (none, none, (0, 2 * rows), (0, 2 * columns)))
    layer.primary_conv.conv = replace(conv, padding=(0, 0))
    try:
        return np.concatenate(_halves(layer, padded), axis=1)[:, : layer.c_out]
    finally:
        layer.primary_conv.conv = conv


right = _build(_right)
interleaved = _build(_interleaved)
asymmetric_padding = _build(_asymmetric_padding)
