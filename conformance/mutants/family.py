"""Defects of squeeze-and-excitation, DFC attention, branches and whole networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.mutants.changes import become, each
from conformance.mutants.mutant import Change, Mutant
from conformance.oracle import attention, layers
from conformance.oracle.bottleneck import GhostBottleneck
from conformance.oracle.networks.ghostnet import GhostNet
from conformance.oracle.weighted import Convolution, Linear
from weights.columns import planned

FAMILY = "family"


def _clipped(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0), 1)


def _resized_by(rule: Callable[[np.ndarray, int, int], np.ndarray]) -> Callable[..., Any]:
    def resize_like(x: Any, other: Any) -> Any:
        for axis in (2, 3):
            size, wanted = x.shape[axis], other.shape[axis]
            x = x.take(np.clip(rule(np.arange(wanted), size, wanted), 0, size - 1), axis)
        return x

    return resize_like


def _half_pixel(index: np.ndarray, size: int, wanted: int) -> np.ndarray:
    return np.rint((index + 0.5) * size / wanted - 0.5).astype(int)


def _aligned(index: np.ndarray, size: int, wanted: int) -> np.ndarray:
    return np.rint(index * (size - 1) / max(wanted - 1, 1)).astype(int)


def _odd_rows_too(x: Any) -> Any:
    """Take means over 2x2 of a map whose border is repeated where a size is odd."""
    height, width = x.shape[2] % 2, x.shape[3] % 2
    padded = np.pad(x, ((0, 0), (0, 0), (0, height), (0, width)), mode="edge")
    return layers.avg_pool_2x2(padded)


def _no_bias(part: Any) -> None:
    part.bias = None if part.bias is None else np.zeros_like(part.bias)


def _bottlenecks(**methods: Any) -> Change:
    """Replace methods of every bottleneck."""
    return become(GhostBottleneck, type("Mutated", (GhostBottleneck,), methods))


def _excited_early(self: Any, x: Any) -> Any:
    layers.check_input(self, x)
    out = self.ghost1(x)
    out = self._strided(out if self.se is None else self.se(out))
    return self.ghost2(out) + self._shortcut(x)


def _one_branch_less(module: Any, plan: Any) -> list[Any]:
    found = _branches(module, plan)
    return found[:-1] if len(found) > 1 else found


_branches = planned.branches


def _head_first(self: Any, x: Any) -> Any:
    """Pool after the convolution of the head, not before."""
    out = self.conv_head(x)
    if self.bn_head is not None:
        out = self.bn_head(out)
    x = layers.global_avg_pool(self.relu(out)).reshape(len(x), -1)
    yield "conv_head", x
    if self.classifier is not None:
        yield "logits", self.classifier(self.dropout(x))


FAMILY_MUTANTS = (
    Mutant("gate-clip", "the gate clip(x, 0, 1)", FAMILY,
           patches=((attention, "hard_sigmoid", _clipped),)),
    Mutant("gate-keras-2", "the gate of Keras 2, 0.2 x + 0.5", FAMILY,
           patches=((attention, "hard_sigmoid", lambda x: _clipped(x * 0.2 + 0.5)),)),
    Mutant("gate-sigmoid", "a sigmoid as the gate", FAMILY,
           patches=((attention, "hard_sigmoid", layers.sigmoid),)),
    Mutant("dfc-hard-gate", "a hard sigmoid in DFC attention", FAMILY,
           patches=((attention, "sigmoid", layers.hard_sigmoid),)),
    Mutant("nearest-half-pixel", "nearest resize by pixel centres", FAMILY,
           patches=((attention, "resize_like", _resized_by(_half_pixel)),)),
    Mutant("nearest-aligned", "nearest resize with aligned corners", FAMILY,
           patches=((attention, "resize_like", _resized_by(_aligned)),)),
    Mutant("odd-rows-too", "the mean over 2x2 takes an odd last row", FAMILY,
           patches=((attention, "avg_pool_2x2", _odd_rows_too),)),
    Mutant("largest-for-mean", "maxima for means in DFC attention", FAMILY,
           patches=((attention, "avg_pool_2x2", layers.max_pool_2x2),)),
    Mutant("no-convolution-bias", "biases of convolutions dropped", FAMILY,
           each(Convolution, _no_bias)),
    Mutant("no-classifier-bias", "the bias of the classifier dropped", FAMILY,
           each(Linear, _no_bias)),
    Mutant("no-shortcut", "a bottleneck without its shortcut", FAMILY,
           _bottlenecks(_shortcut=lambda self, x: 0)),
    Mutant("excited-early", "squeeze-and-excitation before the stride", FAMILY,
           _bottlenecks(__call__=_excited_early)),
    Mutant("a-branch-less", "the last branch left out", FAMILY,
           patches=((planned, "branches", _one_branch_less),)),
    Mutant("head-first", "pooling after the head", FAMILY,
           patches=((GhostNet, "_head", _head_first),)),
)  # fmt: skip
