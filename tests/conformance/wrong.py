"""Deliberately wrong copies of a right layer, each with one defect that people really make.

Run one with `ghost-conformance run --implementation tests.conformance.wrong:interleaved`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance import NotSupported
from tests.conformance.plain import GhostConv, pair


class Wrong:
    """An implementation from a function of the layer and an input."""

    def __init__(self, layer: GhostConv, forward: Callable[[GhostConv, Any], Any]) -> None:
        self.layer = layer
        self.forward = forward

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.layer.plan.check_input(x.shape, x.dtype.name)
        return self.forward(self.layer, x)

    def state(self) -> dict[str, np.ndarray]:
        return self.layer.weights


def _build(forward: Callable[[GhostConv, Any], Any]) -> Callable[..., Wrong]:
    def build(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Wrong:
        if architecture != "ghost_conv":
            raise NotSupported("it is a layer, not a network")
        return Wrong(GhostConv(config, weights), forward)

    return build


def _halves(layer: GhostConv, primary: np.ndarray) -> list[np.ndarray]:
    return [primary, layer.cheap(primary)] if layer.has_cheap_half else [primary]


def _right(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    return layer(x)


def _interleaved(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    primary = layer.primary(x)
    both = np.concatenate(_halves(layer, primary), axis=1)
    order = np.arange(both.shape[1]).reshape(-1, primary.shape[1]).T.reshape(-1)
    return both[:, order][:, : layer.plan.c_out]


def _asymmetric_padding(layer: GhostConv, x: np.ndarray) -> np.ndarray:
    rows, columns = pair(layer.plan.padding)
    primary = layer.primary(x, ((0, 2 * rows), (0, 2 * columns)))
    return np.concatenate(_halves(layer, primary), axis=1)[:, : layer.plan.c_out]


right = _build(_right)
interleaved = _build(_interleaved)
asymmetric_padding = _build(_asymmetric_padding)
