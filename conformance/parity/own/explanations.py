"""Hints at why a call of a module differs: what is said reproduces the other output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from conformance.judging.hints import hints as patterns
from conformance.parity.own import layers
from conformance.parity.own.activations import NONE, activation_between, seen_through
from conformance.parity.own.arrays import (
    Match,
    State,
    channels_to_end,
    factor,
    largest_ratio,
    left,
)
from conformance.parity.own.divergence import Comparison, Step
from conformance.parity.own.record import INPUTS, Told

NORMALISES = "batch_norm"
# Standard deviations by which a share of zeros may miss the rate of dropout.
DEVIATIONS = 5.0
# Values of a channel from which a constant is more than chance.
FEWEST = 3


@dataclass(frozen=True)
class _Case:
    """What is explained: an output of a call, or an input, beside that of the reference.

    `x` is the one input that the reference reads, where `match` is the output.
    """

    match: Match
    here: str
    there: str
    what: str
    x: np.ndarray | None = None


def explain(comparison: Comparison) -> tuple[str, ...]:
    """What explains the first difference: the first kind of explanation that does, or nothing."""
    step = comparison.first
    if step is None or step.outputs is None:
        return ()
    names = (comparison.record.framework, comparison.baseline.framework)
    cases = [_Case(_in_order(step, step.outputs), *names, "its output", _input(comparison, step))]
    if step.inputs is not None and step.inputs.state is State.DIFFERENT:
        cases = [_Case(step.inputs, *names, "its input")]
    finders: list[Callable[[], Iterator[str]]] = [
        partial(find, comparison, step, step.outputs) for find in (_order, _layer)
    ]
    finders += [partial(f, each) for each in cases for f in (_activation, _arithmetic, _pattern)]
    return next((found for find in finders if (found := tuple(dict.fromkeys(find())))), ())


def _in_order(step: Step, outputs: Match) -> Match:
    """The output of a module that hands on a flattened image, beside that of the same order."""
    inputs = step.inputs
    if inputs is None or inputs.sizes is None or inputs.wanted.shape != outputs.wanted.shape:
        return outputs
    return replace(outputs, wanted=channels_to_end(outputs.wanted, inputs.sizes))


def _order(comparison: Comparison, step: Step, outputs: Match) -> Iterator[str]:
    """An image that was flattened in another order."""
    inputs, there = step.inputs, comparison.baseline.framework
    if outputs.state is State.REORDERED:
        yield f"a permutation after flatten: the order is (H, W, C) where {there} has (C, H, W)"
    elif inputs is not None and inputs.sizes is not None:
        told = comparison.baseline.exact.calls[step.key].told
        read = channels_to_end(inputs.wanted, inputs.sizes)
        found = None if told is None else layers.output(told, read)
        if _agree(found, outputs):
            yield (
                f"a permutation after flatten: it reads {there}'s input in the order (H, W, C) "
                f"where that has (C, H, W) = {inputs.sizes}: permute the columns of its weight"
            )


def _layer(comparison: Comparison, step: Step, outputs: Match) -> Iterator[str]:
    """An argument or a tensor of a layer that both can tell, and the mode of a normalisation."""
    wanted = comparison.baseline.exact.calls[step.key].told
    got = comparison.record.calls[step.key].told
    x = _input(comparison, step)
    training = comparison.record.training
    if wanted is None or x is None or not _reproduces(wanted, x, outputs, training=training):
        return
    is_other_mode = wanted.kind == NORMALISES and not training
    if is_other_mode and _agree(layers.output(wanted, x, training=True), outputs):
        yield "it normalises by the batch's statistics: batch normalisation in training mode"
        return
    if got is None or got.kind != wanted.kind:
        return
    there = comparison.baseline.framework
    for name, changed in layers.differences(wanted, got):
        if _agree(layers.output(changed, x, training=training), outputs):
            yield _difference(name, wanted, got, there)


def _difference(name: str, wanted: Told, got: Told, there: str) -> str:
    if name in wanted.config and name not in wanted.tensors:
        return f"`{name}` is {got.config.get(name)!r} where {there} has {wanted.config[name]!r}"
    if name not in got.tensors:
        return f"its {name} is missing"
    words = layers.relation(got.tensors[name], wanted.tensors[name])
    return f"its {name} is {there}'s {words}" if words else f"its {name} is not {there}'s"


def _activation(case: _Case) -> Iterator[str]:
    """Another activation, or one that is missing or more."""
    match, there, what = case.match, case.there, case.what
    if not match.has_equal_shapes:
        return
    got, wanted, allowed = match.got.astype(np.float64), match.wanted, match.allowed
    if case.x is not None:
        ours, theirs = (activation_between(case.x, y, allowed) for y in (got, wanted))
        if ours and theirs and ours != theirs:
            yield f"the activation is {ours} where {there} has {theirs}"
            return
    if (name := activation_between(wanted, got, allowed)) not in (None, NONE):
        yield f"{what} is {there}'s with {name} on top"
    elif (name := activation_between(got, wanted, allowed)) not in (None, NONE):
        yield f"{what} lacks {name}, which {there} has"
    elif found := seen_through(wanted, got, allowed):
        yield f"the activation is {found[1]} where {there} has {found[0]}"
    elif found := seen_through(got, wanted, allowed):
        yield f"the activation is {found[0]} where {there} has {found[1]}"


def _arithmetic(case: _Case) -> Iterator[str]:
    """Dropout, a factor, a constant in each channel, a shortcut."""
    match, there, what, x = case.match, case.there, case.what, case.x
    if not match.has_equal_shapes:
        return
    got, wanted = match.got.astype(np.float64), match.wanted
    rate, scale, constant = _rate(got, match), factor(got, wanted), _constant(got - wanted)
    if rate is not None:
        yield (
            f"dropout is active: about {rate:.0%} of {what} are 0, the rest {1 / (1 - rate):.3g} "
            f"times {there}'s"
        )
    elif scale is not None and _agree(scale * wanted, match):
        yield f"{what} is {scale:.6g} times {there}'s"
    elif constant is not None and _agree(wanted + constant, match):
        yield f"{what} differs from {there}'s by a constant for each channel: a bias"
    elif x is not None and x.shape == wanted.shape and _agree(wanted - x, match):
        yield "its input is not added: a shortcut is missing"
    elif x is not None and x.shape == wanted.shape and _agree(wanted + x, match):
        yield f"its input is added, where {there} has no shortcut"


def _pattern(case: _Case) -> Iterator[str]:
    """The pattern of the elements that are wrong."""
    match = case.match
    if match.has_equal_shapes:
        arrays = match.compared
        found = patterns(arrays, arrays.ratios() > 1, None)
        yield from (f"of {case.what}, {each}" for each in found)
    else:
        shapes = f"{match.got.shape} where {case.there} has {match.wanted.shape}"
        yield f"{case.what} has the shape {shapes}"


def _input(comparison: Comparison, step: Step) -> np.ndarray | None:
    """The one input that the reference reads there."""
    arrays = comparison.baseline.arrays(step.key, INPUTS)
    return next(iter(arrays.values())) if len(arrays) == 1 else None


def _reproduces(told: Told, x: np.ndarray, outputs: Match, *, training: bool) -> bool:
    """Whether the layer in NumPy gives what the reference gave."""
    found, wanted = layers.output(told, x, training=training), outputs.wanted
    if found is None or found.shape != wanted.shape:
        return False
    return largest_ratio(found, wanted, outputs.allowed) <= 1


def _agree(found: np.ndarray | None, match: Match) -> bool:
    """Whether the network has what was found, but for roundings."""
    return found is not None and left(found, match) <= 1


def _rate(got: np.ndarray, match: Match) -> float | None:
    """The rate of a dropout that explains an array."""
    shown = match.wanted != 0
    kept = shown & (got != 0)
    count = int(shown.sum())
    scale = float(np.median(got[kept] / match.wanted[kept])) if kept.any() else 1.0
    if scale <= 1:
        return None
    rate = 1 - 1 / scale
    error = DEVIATIONS * np.sqrt(rate * (1 - rate) * count)
    is_likely = abs(count - int(kept.sum()) - rate * count) <= error
    return rate if is_likely and _agree(np.where(kept, scale * match.wanted, 0), match) else None


def _constant(difference: np.ndarray) -> np.ndarray | None:
    """The means over all but the channels; None where a channel has hardly more than one value."""
    if difference.ndim < 2 or difference[:, 0].size < FEWEST:
        return None
    axes = tuple(axis for axis in range(difference.ndim) if axis != 1)
    return difference.mean(axes, keepdims=True)
