"""Defects of the statistics of a training step: which normalise, and which are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import Change, constant, scale_norms
from conformance.faults.statistics import statistics, stored
from conformance.mutants.mutant import Mutant
from conformance.oracle.training import Step
from conformance.oracle.weighted import BatchNorm


def kept(*names: str) -> Change:
    """Let these running statistics be what they were before the step."""

    def keep(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
        old = dict(zip(("running_mean", "running_var"), before, strict=True))
        for name in names:
            setattr(norm, name, old[name])
        return mean, var

    return statistics(keep)


def batch_of(select: Callable[[Any], Any]) -> Change:
    """Take the statistics of a part of the batch."""
    return statistics(lambda norm, x, before, mean, var: _moments(select(x)))


def _moments(x: Any) -> tuple[Any, Any]:
    mean = x.mean(axis=(0, 2, 3))
    return mean, ((x - mean.reshape(-1, 1, 1)) ** 2).mean(axis=(0, 2, 3))


def _single_pass(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    """The mean of squares less the square of the mean, which cancel where the mean is large."""
    single, count = (x * x).mean(axis=(0, 2, 3)) - mean * mean, x.size // x.shape[1]
    unbiased = single * (count / (count - 1))
    norm.running_var = before[1] * (1 - norm.momentum) + unbiased * norm.momentum
    return mean, single


def _updated_first(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    return norm.running_mean, norm.running_var


def _one_image_by_running(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    return before if len(x) == 1 else (mean, var)


def _one_image_keeps(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    if len(x) == 1:
        norm.running_mean, norm.running_var = before
    return mean, var


def _whole_batch(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    """Store the batch's own statistics, as an average over one step would be."""
    count = x.size // x.shape[1]
    norm.running_mean, norm.running_var = mean, var * (count / (count - 1))
    return mean, var


def _twice(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    BatchNorm._update(norm, x)
    return mean, var


def _state(edit: Callable[[str, np.ndarray, Step], np.ndarray]) -> Callable[[Step], Step]:
    """Edit every running statistic that a step returns."""
    return lambda step: (
        step | {"state": {name: edit(name, array, step) for name, array in step["state"].items()}}
    )


def _others(name: str, array: np.ndarray, step: Step) -> np.ndarray:
    swapped = {"running_mean": "running_var", "running_var": "running_mean"}
    path, _, last = name.rpartition(".")
    return step["state"][f"{path}.{swapped[last]}"]


def _deviation(name: str, array: np.ndarray, step: Step) -> np.ndarray:
    return np.sqrt(array) if name.endswith("running_var") else array


TRAINING = "training"
STATISTICS_MUTANTS = (
    Mutant("momentum", "a tenth of the momentum", TRAINING, scale_norms(momentum=0.1)),
    Mutant("stores-biased-above-200", "above 200 values the biased variance is stored", TRAINING,
           stored(lambda count, var: var if count > 200 else var * (count / (count - 1)))),
    Mutant("stores-too-unbiased", "the variance is stored as n / (n - 2) of itself", TRAINING,
           stored(lambda count, var: var * (count / max(count - 2, 1)))),
    Mutant("stores-1e-4-more", "the variance is stored off by 1e-4 of itself", TRAINING,
           stored(lambda count, var: var * (count / (count - 1)) * (1 + 1e-4))),
    Mutant("stores-whole-batch", "the first step stores the batch's statistics alone", TRAINING,
           statistics(_whole_batch)),
    Mutant("single-pass", "the variance is E[x^2] - E[x]^2", TRAINING, statistics(_single_pass)),
    Mutant("updated-first", "the updated running statistics normalise", TRAINING,
           statistics(_updated_first)),
    Mutant("one-image-by-running", "one image is normalised by running statistics", TRAINING,
           statistics(_one_image_by_running)),
    Mutant("one-image-keeps", "one image does not update statistics", TRAINING,
           statistics(_one_image_keeps)),
    Mutant("never-updates", "statistics are not updated", TRAINING,
           kept("running_mean", "running_var")),
    Mutant("mean-never-updates", "means are not updated", TRAINING, kept("running_mean")),
    Mutant("variance-never-updates", "variances are not updated", TRAINING, kept("running_var")),
    Mutant("updates-twice", "statistics are updated twice", TRAINING, statistics(_twice)),
    Mutant("first-image-statistics", "statistics of the first image", TRAINING,
           batch_of(lambda x: x[:1])),
    Mutant("statistics-without-border", "statistics without the last column", TRAINING,
           batch_of(lambda x: x[:, :, :, : max(x.shape[3] - 1, 1)])),
    Mutant("constant-statistics", "no gradient through the batch statistics", TRAINING,
           statistics(lambda norm, x, before, *found: map(constant, found))),
    Mutant("constant-mean", "no gradient through the batch mean", TRAINING,
           statistics(lambda norm, x, before, mean, var: (constant(mean), var))),
    Mutant("constant-variance", "no gradient through the batch variance", TRAINING,
           statistics(lambda norm, x, before, mean, var: (mean, constant(var)))),
    Mutant("reports-swapped", "mean and variance are reported as one another", TRAINING,
           step=_state(_others)),
    Mutant("reports-deviation", "the deviation is reported as the variance", TRAINING,
           step=_state(_deviation)),
)  # fmt: skip
