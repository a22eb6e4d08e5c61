"""The batch normalisation after a convolution, which has seen the means of its outputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.columns.column import Column
from weights.errors import GhostError

NORM, MEAN = "batch_norm", "running_mean"


def next_to(modules: Mapping[str, Any], path: str) -> str | None:
    """The path of the module that is defined after one, beside it."""
    paths = list(modules)
    after = paths[paths.index(path) + 1 :][:1]
    return next((each for each in after if _above(each) == _above(path)), None)


def means_in(framework: Column[Any, Any, Any], norm: Any, channels: int) -> np.ndarray | None:
    """The means that a batch normalisation of so many channels has seen, if it is one.

    Those of a fresh one are 0, and those of what an activation made are not negative: then they are
    no means of a convolution's outputs.
    """
    try:
        members = framework.members(norm)
    except GhostError:
        return None
    if len(members) != 1 or members[0].described.kind != NORM:
        return None
    means = {slot.spec.name: slot for slot in members[0].slots}[MEAN].read().astype(np.float64)
    return means if len(means) == channels and means.min() < 0 else None


def _above(path: str) -> str:
    return path.rpartition(".")[0]
