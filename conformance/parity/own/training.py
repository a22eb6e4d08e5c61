"""Gradients and statistics of a training step, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.parity.own.arrays import Match, State, factor, left, match
from conformance.parity.own.baseline import GRADIENTS, STATISTICS, Baseline
from conformance.parity.own.record import Key, Record

VARIANCE = "running_var"
# Two momenta that differ by less of their size are one.
SAME = 1e-3


@dataclass(frozen=True)
class TensorDifference:
    """A gradient or a statistic that is not the reference's, and what explains it."""

    kind: str
    name: str
    match: Match
    hint: str = ""


def tensor_differences(baseline: Baseline, record: Record) -> Iterator[TensorDifference]:
    """Statistics in the order of the network, and gradients from its end: as they are computed."""
    for kind in (STATISTICS, GRADIENTS):
        wanted, got = getattr(baseline.exact, kind), getattr(record, kind)
        names = [name for name in wanted if name in got]
        for name in names if kind == STATISTICS else reversed(names):
            array = wanted[name].astype(np.float64)
            allowed = baseline.allowed_to(kind, name)
            found = match(name, got[name], array, allowed, channels_last=False)
            if found.state is not State.EQUAL:
                hint = _hint(baseline, record, name, found) if kind == STATISTICS else ""
                yield TensorDifference(kind, name, found, hint)


def _hint(baseline: Baseline, record: Record, name: str, found: Match) -> str:
    """What explains a statistic: another momentum, or the biased variance."""
    path, _, kind = name.rpartition(".")
    call, before = baseline.exact.calls.get(Key(path, 0)), record.before.get(name)
    told = call.told if call else None
    if call is None or told is None or before is None or "momentum" not in told.config:
        return ""
    momentum, (x, *_) = told.config["momentum"], call.inputs.values()
    batch = before + (found.wanted - before) / momentum
    biased = batch * (1 - len(before) / x.size)
    statistics = {"": batch} | (
        {"the biased variance is stored": biased} if kind == VARIANCE else {}
    )
    fits = []
    for words, statistic in statistics.items():
        moved = factor(found.got - before, statistic - before) or 0.0
        fits.append((left(before + moved * (statistic - before), found), words, moved))
    least, words, moved = min(fits)
    if least > 1:
        return ""
    there = baseline.framework
    other = f"the momentum is {moved:.3g} in PyTorch's sense where {there} has {momentum:g}"
    is_other = abs(moved - momentum) > SAME * momentum
    return "; ".join(filter(None, [other if is_other else "", words]))
