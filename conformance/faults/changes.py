"""Changes of a module of the oracle, of which faults, mutants and variants are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.gradients.tape import Variable
from conformance.oracle.ghost_conv import ConvNormAct, GhostConv
from conformance.oracle.layers import check_input
from conformance.oracle.walk import copied, parts
from conformance.oracle.weighted import BatchNorm, Convolution

Change = Callable[[Any], None]
# Maps a part, its input and its output to another output.
Edit = Callable[[Any, Any, Any], Any]


def changed(module: Any, change: Change) -> Any:
    """A copy of a module with a change; the arrays that it keeps are those of the module."""
    found = copied(module)
    change(found)
    return found


def each(kind: type[Any], edit: Change) -> Change:
    """Edit every part of a kind."""

    def change(module: Any) -> None:
        for part in list(parts(module, kind)):
            edit(part)

    return change


def become(kind: type, wrong: type) -> Change:
    """Compute every part of a kind as `wrong`, a subclass without attributes of its own, does."""
    return each(kind, lambda part: setattr(part, "__class__", wrong))


def with_methods(kind: type, **methods: Any) -> Change:
    """Give every part of a kind other methods."""
    return each(kind, lambda part: _override(part, methods))


def computed_as(kind: type[Any], edit: Callable[[Any], Any]) -> Change:
    """Let every part of a kind compute as `edit(part)`, another of the kind, does."""
    return with_methods(kind, __call__=lambda self, x: kind.__call__(edit(self), x))


def inputs(kind: type, edit: Callable[[Any, Any], Any]) -> Change:
    """Let every part of a kind see `edit(part, x)` for its input x."""

    def change(part: Any) -> None:
        right = type(part).__call__
        _override(part, {"__call__": lambda self, x: right(self, edit(self, x))})

    return each(kind, change)


def outputs(kind: type, edit: Edit) -> Change:
    """Let every part of a kind return `edit(part, x, out)` for its output `out`."""
    return each(kind, lambda part: returns(part, edit))


def returns(part: Any, edit: Edit) -> None:
    """Let one part return `edit(part, x, out)` for its output `out`."""
    right = type(part).__call__
    _override(part, {"__call__": lambda self, x: edit(self, x, right(self, x))})


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

    def edit(layer: Any) -> None:
        found = getattr(layer, half)
        if isinstance(found, ConvNormAct):
            found.act = act

    return each(GhostConv, edit)


def replace_activation(right: Callable[[Any], Any], wrong: Callable[[Any], Any]) -> Change:
    """Give every half that has the activation `right` the activation `wrong`."""

    def edit(half: Any) -> None:
        half.act = wrong if half.act is right else half.act

    return each(ConvNormAct, edit)


def calls(forward: Callable[[GhostConv, Any], Any]) -> Change:
    """Let every GhostConv compute by `forward(layer, x)`; those with attention stay."""

    def call(self: Any, x: Any) -> Any:
        if self.short_conv is not None:
            return GhostConv.__call__(self, x)
        check_input(self, x)
        return forward(self, x)

    return with_methods(GhostConv, __call__=call)


def joins(join: Callable[[GhostConv, Any, Any], Any]) -> Change:
    """Let every GhostConv join its halves by `join(layer, primary, cheap)`; `cheap` may be None."""
    return calls(lambda layer, x: join(layer, *halves(layer, x)))


def halves(layer: GhostConv, x: Any) -> tuple[Any, Any]:
    """The output of the primary half, and that of the cheap one or None."""
    primary = layer.primary_conv(x)
    return primary, None if layer.cheap_conv is None else layer.cheap_conv(primary)


def joined(*arrays: Any) -> Any:
    """The channels of these arrays in turn, those that are None left out."""
    return np.concatenate([array for array in arrays if array is not None], axis=1)


def repeated_from(out: Any, axis: int, limit: int) -> Any:
    """An array whose positions of an axis from `limit` on have the values of the one before."""
    return out.take(np.minimum(np.arange(out.shape[axis]), limit - 1), axis)


def with_slope(right: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function `right` with another derivative, `slope(x)` of its argument."""

    def function(x: Any) -> Any:
        if not isinstance(x, Variable):
            return right(x)
        return x.derived(right(x.value), [(x, lambda g: g * slope(x.value).astype(g.dtype))])

    function.__name__ = right.__name__  # by which a module knows that it is as it was built
    return function


def constant(x: Any) -> Any:
    """The value of a variable, through which no gradient goes."""
    return getattr(x, "value", x)


def _override(part: Any, methods: dict[str, Any]) -> None:
    right = type(part)
    place = {"__module__": right.__module__}
    part.__class__ = type(right.__name__, (right,), methods | place)
