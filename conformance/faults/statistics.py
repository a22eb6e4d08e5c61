"""Usual faults of the statistics of a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.faults.changes import Change, become, each
from conformance.faults.fault import Fault
from conformance.oracle.weighted import BatchNorm


def statistics(edit: Callable[..., Any]) -> Change:
    """Let every batch normalisation normalise by `edit(norm, x, before, mean, var)` in training.

    `before` are its running statistics before the step, which `edit` may set; `mean` and `var` are
    those of the batch.
    """

    class Edited(BatchNorm):
        def _update(self, x: Any) -> Any:
            before = self.running_mean, self.running_var
            return edit(self, x, before, *super()._update(x))

    return become(BatchNorm, Edited)


def stored(edit: Callable[..., Any]) -> Change:
    """Let every batch normalisation store `edit(count, var)` as the batch's variance."""

    def store(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
        share = edit(x.size // x.shape[1], var)
        norm.running_var = before[1] * (1 - norm.momentum) + share * norm.momentum
        return mean, var

    return statistics(store)


def _unbiased(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    count = x.size // x.shape[1]
    return mean, var * (count / (count - 1))


TRAINING = "training"
STATISTICS_FAULTS = (
    Fault("momentum-convention", "1 - momentum for momentum", TRAINING,
          each(BatchNorm, lambda norm: setattr(norm, "momentum", 1 - norm.momentum))),
    Fault("stores-biased", "the biased variance is stored", TRAINING,
          stored(lambda count, var: var)),
    Fault("normalises-unbiased", "the unbiased variance normalises", TRAINING,
          statistics(_unbiased)),
    Fault("running-in-training", "running statistics normalise in training", TRAINING,
          statistics(lambda norm, x, before, *found: before)),
)  # fmt: skip
