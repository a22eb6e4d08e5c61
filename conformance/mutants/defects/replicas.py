"""Defects of training on replicas, which no replica shows by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from conformance.faults.changes import Change
from conformance.faults.statistics import statistics, stored
from conformance.mutants.mutant import Mutant
from conformance.oracle.training import replica_steps
from conformance.oracle.weights_io import build
from weights.columns.replicas import FIRST, GLOBAL, ReplicaRun


def asked(edit: Callable[[ReplicaRun], ReplicaRun]) -> Change:
    """Let every object train as `edit` changes what it is asked for."""

    def adapt(built: Any) -> None:
        right = built.engine
        built.engine = lambda given, run: right(given, edit(run))

    return adapt


def normalised(change: Callable[[ReplicaRun], Change]) -> Change:
    """Let every object train a module with the change that `change(run)` is."""

    def adapt(built: Any) -> None:
        def engine(given: Any, run: ReplicaRun) -> Any:
            module = build(*given)
            change(run)(module)
            return list(replica_steps(module, run))

        built.engine = engine

    return adapt


def _apart(run: ReplicaRun) -> ReplicaRun:
    return replace(run, statistics=FIRST if run.statistics == GLOBAL else run.statistics)


def _weighted(weights: Callable[[ReplicaRun], list[float]]) -> Change:
    """Weigh the part of every replica in what descends."""

    def edit(run: ReplicaRun) -> ReplicaRun:
        factors = np.repeat(np.asarray(weights(run), np.float32), run.shares)
        steps = [(x, v * factors.reshape(-1, *[1] * (v.ndim - 1))) for x, v in run.steps]
        return replace(run, steps=tuple(steps))

    return asked(edit)


def _count_of_one(run: ReplicaRun) -> Change:
    replicas = len(run.shares)
    return stored(lambda count, var: var * count / max(count - replicas, 1))


def _within_replicas(run: ReplicaRun) -> Change:
    """Normalise by the mean of the replicas' variances, without that between their means."""
    places = list(pairwise((0, *accumulate(run.shares))))

    def edit(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
        parts = [x[first:last] for first, last in places]
        centred = [part - part.mean(axis=(0, 2, 3)).reshape(-1, 1, 1) for part in parts]
        found = [(each**2).mean(axis=(0, 2, 3)) for each in centred]
        return mean, sum(found) / len(found)

    return statistics(edit)


DISTRIBUTED = "distributed"
REPLICA_MUTANTS = (
    Mutant("replicas-apart", "the statistics of replicas are not synchronised", DISTRIBUTED,
           adapt=asked(_apart)),
    Mutant("gradients-summed", "the gradients of replicas are summed, not averaged", DISTRIBUTED,
           adapt=_weighted(lambda run: [len(run.shares)] * len(run.shares))),
    Mutant("replicas-alike", "the replicas' means count alike, whatever their shares", DISTRIBUTED,
           adapt=_weighted(lambda run: [run.images / (len(run.shares) * n) for n in run.shares])),
    Mutant("global-variance-biased", "the biased variance of all replicas is stored", DISTRIBUTED,
           adapt=normalised(lambda run: stored(lambda count, var: var))),
    Mutant("variance-by-one-count", "its correction is by the values of one replica", DISTRIBUTED,
           adapt=normalised(_count_of_one)),
    Mutant("variance-within", "the variance between replicas is left out", DISTRIBUTED,
           adapt=normalised(_within_replicas)),
)  # fmt: skip
