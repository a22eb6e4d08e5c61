"""Defects of RepGhost's modules, in the form for training and merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import Change, each, outputs, with_methods
from conformance.mutants.defects.family import (
    excited_early,
    no_bias,
    shortcut_twice,
    strided_activated,
)
from conformance.mutants.mutant import Mutant
from conformance.oracle.layers import check_input, identity, relu
from conformance.oracle.rep_ghost import RepGhostBottleneck, RepGhostConv
from weights.modules.forms import TRAINING


def sums(join: Callable[[Any, Any], Any]) -> Change:
    """Let every RepGhostConv in the form for training return `join(layer, primary half)`."""

    def call(self: Any, x: Any) -> Any:
        if self.plan.form != TRAINING:
            return RepGhostConv.__call__(self, x)
        check_input(self, x)
        return join(self, self.primary_conv(x))

    return with_methods(RepGhostConv, __call__=call)


def layers(edit: Callable[[Any], None], *, merged: bool) -> Change:
    """Edit every RepGhostConv, either those whose branches are merged or the others."""
    return each(
        RepGhostConv, lambda layer: edit(layer) if (layer.plan.form != TRAINING) == merged else None
    )


def _cheap(layer: Any, primary: Any) -> Any:
    conv, norm = layer.cheap_conv
    return norm(conv(primary))


def _skip(layer: Any, primary: Any) -> Any:
    (norm,) = layer.fusion_bn
    return norm(primary)


def _concatenated(layer: Any, primary: Any) -> Any:
    """Half of the channels from each branch, as a GhostConv joins them."""
    half = primary.shape[1] // 2
    parts = [branch(layer, primary)[:, :half] for branch in (_skip, _cheap)]
    return layer.act(np.concatenate(parts, axis=1))


def _one_statistics(layer: Any) -> None:
    (skip,), (_, norm) = layer.fusion_bn, layer.cheap_conv
    skip.running_mean, skip.running_var = norm.running_mean, norm.running_var


def _cheap_unmerged(layer: Any) -> None:
    layer.cheap_conv[1] = identity


def _skip_unmerged(layer: Any) -> None:
    layer.fusion_bn[0] = identity


def _no_skip(layer: Any) -> None:
    """The middles of the merged kernels, where the skip is, are 0."""
    kernel = layer.cheap_conv.weight.copy()
    middle = kernel.shape[2] // 2
    kernel[:, :, middle, middle] = 0
    layer.cheap_conv.weight = kernel


FAMILY = "family"
REP_GHOST_MUTANTS = (
    Mutant("rep-no-skip", "RepGhost: the skip of the sum left out", FAMILY,
           sums(lambda layer, p: layer.act(_cheap(layer, p)))),
    Mutant("rep-no-cheap", "RepGhost: the cheap convolution left out", FAMILY,
           sums(lambda layer, p: layer.act(_skip(layer, p)))),
    Mutant("rep-concatenated", "RepGhost: halves joined, not added", FAMILY, sums(_concatenated)),
    Mutant("rep-not-activated", "RepGhost: the sum not activated", FAMILY,
           sums(lambda layer, p: _cheap(layer, p) + _skip(layer, p))),
    Mutant("rep-activated-early", "RepGhost: the summands activated, not the sum", FAMILY,
           sums(lambda layer, p: layer.act(_cheap(layer, p)) + layer.act(_skip(layer, p)))),
    Mutant("rep-plain-skip", "RepGhost: the skip without its norm", FAMILY,
           sums(lambda layer, p: layer.act(_cheap(layer, p) + p))),
    Mutant("rep-skip-of-input", "RepGhost: a skip around both convolutions too", FAMILY,
           outputs(RepGhostConv, lambda layer, x, out: out + x if x.shape == out.shape else out)),
    Mutant("rep-cheap-unmerged", "RepGhost: the norm of the cheap branch not merged", FAMILY,
           layers(_cheap_unmerged, merged=False)),
    Mutant("rep-skip-unmerged", "RepGhost: the norm of the skip not merged", FAMILY,
           layers(_skip_unmerged, merged=False)),
    Mutant("rep-one-statistics", "RepGhost: both norms with the statistics of one", FAMILY,
           layers(_one_statistics, merged=False)),
    Mutant("rep-merged-without-bias", "RepGhost merged: the bias left out", FAMILY,
           layers(lambda layer: no_bias(layer.cheap_conv), merged=True)),
    Mutant("rep-merged-without-skip", "RepGhost merged: the skip not in the kernel", FAMILY,
           layers(_no_skip, merged=True)),
    Mutant("rep-no-shortcut", "RepGhostBottleneck without its shortcut", FAMILY,
           with_methods(RepGhostBottleneck, _shortcut=lambda self, x: 0)),
    Mutant("rep-shortcut-twice", "RepGhostBottleneck: the shortcut added twice", FAMILY,
           with_methods(RepGhostBottleneck, _shortcut=shortcut_twice)),
    Mutant("rep-second-activated", "RepGhostBottleneck: the second module activated", FAMILY,
           each(RepGhostBottleneck, lambda part: setattr(part.ghost2, "act", relu))),
    Mutant("rep-strided-activated", "RepGhostBottleneck: the stride activated", FAMILY,
           with_methods(RepGhostBottleneck, _strided=strided_activated)),
    Mutant("rep-excited-early", "RepGhostBottleneck: excitation before the stride", FAMILY,
           with_methods(RepGhostBottleneck, __call__=excited_early)),
)  # fmt: skip
