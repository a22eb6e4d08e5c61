"""Changes of a module of the oracle, of which mutants and variants are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.mutants.mutant import Change
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.walk import parts
from conformance.oracle.weighted import BatchNorm, Convolution


def each(kind: type[Any], edit: Change) -> Change:
    """Edit every part of a kind."""

    def change(module: Any) -> None:
        for part in list(parts(module, kind)):
            edit(part)

    return change


def become(kind: type, wrong: type) -> Change:
    """Compute every part of a kind as `wrong`, a subclass without attributes of its own, does."""
    return each(kind, lambda part: setattr(part, "__class__", wrong))


def scale_norms(**factors: float) -> Change:
    """Multiply attributes of every batch normalisation."""

    def edit(norm: Any) -> None:
        for name, factor in factors.items():
            setattr(norm, name, getattr(norm, name) * factor)

    return each(BatchNorm, edit)


def swap(first: str, second: str) -> Change:
    """Exchange two vectors of every batch normalisation."""

    def edit(norm: Any) -> None:
        vectors = vars(norm)
        vectors[first], vectors[second] = vectors[second], vectors[first]

    return each(BatchNorm, edit)


def kernels(new: Callable[[np.ndarray], np.ndarray], *, depthwise: bool) -> Change:
    """Compute the kernels (O, C/G, kH, kW) of the depthwise convolutions, or of the others, anew.

    `new` may return them in another order of axes: the shape is kept.
    """

    def edit(conv: Any) -> None:
        if (conv.weight.shape[1] == 1) == depthwise and conv.weight.ndim == 4:
            conv.weight = np.ascontiguousarray(new(conv.weight)).reshape(conv.weight.shape)

    return each(Convolution, edit)


def activation(half: str, act: Callable[[Any], Any]) -> Change:
    """Give a half of every GhostConv, `primary_conv` or `cheap_conv`, another activation."""

    def change(module: Any) -> None:
        found = getattr(module, half, None)
        if isinstance(found, ConvNormAct):
            found.act = act

    return change


def replace_activation(right: Callable[[Any], Any], wrong: Callable[[Any], Any]) -> Change:
    """Give every half that has the activation `right` the activation `wrong`."""

    def edit(half: Any) -> None:
        half.act = wrong if half.act is right else half.act

    return each(ConvNormAct, edit)
