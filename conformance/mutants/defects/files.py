"""Defects of what an object says of its tensors, and of what it accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import Change
from conformance.mutants.defects.values import through
from conformance.mutants.mutant import Mutant
from weights import arithmetic, checks
from weights.errors import ArgumentError
from weights.modules import configuration
from weights.modules.configuration import Configuration
from weights.tensors import DTYPES

Tensors = dict[str, np.ndarray]


def reported(edit: Callable[[Tensors], Tensors]) -> Change:
    """Report another state."""

    def adapt(built: Any) -> None:
        right = built.state
        built.state = lambda: edit(right())

    return adapt


def array(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Tensors], Tensors]:
    """Edit every array."""
    return lambda tensors: {name: edit(each) for name, each in tensors.items()}


def _quiet(found: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(found), found.dtype.type(np.nan), found)


def _flushed(found: np.ndarray) -> np.ndarray:
    tiny = 2.0 ** (-14 if found.dtype == np.float16 else -126)
    return np.where(np.abs(found) < tiny, found.dtype.type(0), found)


def _renamed(tensors: Tensors) -> Tensors:
    return {name.replace("running_mean", "moving_mean"): each for name, each in tensors.items()}


def _counted(tensors: Tensors) -> Tensors:
    return tensors | {"primary_conv.1.num_batches_tracked": np.zeros((), np.float32)}


def _without_last(tensors: Tensors) -> Tensors:
    return dict(list(tensors.items())[:-1])


def _biased(tensors: Tensors) -> Tensors:
    return tensors | {"primary_conv.0.bias": np.zeros(len(tensors["primary_conv.0.weight"]))}


def _channels_last(tensors: Tensors) -> Tensors:
    return {n: a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for n, a in tensors.items()}


def unchecked(*arguments: Any, **options: Any) -> None:
    """Accept anything."""


def _never(*arguments: Any) -> bool:
    """Say no."""
    return False


def _in_other_words(self: ArgumentError, text: str = "") -> None:
    ValueError.__init__(self, f"sorry: {text}")


def _rounded_up(size: int, kernel_size: int, stride: int, padding: int, dilation: int = 1) -> int:
    return -(-(size + 2 * padding - arithmetic.kernel_span(kernel_size, dilation)) // stride) + 1


WEIGHTS, CONTRACT = "weights", "contract"
FILE_MUTANTS = (
    Mutant("state-in-float32", "tensors come back as float32", WEIGHTS,
           adapt=reported(array(lambda each: each.astype(np.float32)))),
    Mutant("state-through-bfloat16", "tensors come back with the bits of bfloat16", WEIGHTS,
           adapt=reported(array(through(DTYPES["BF16"])))),
    Mutant("state-through-float16", "tensors come back with the range of float16", WEIGHTS,
           adapt=reported(array(through(np.float16)))),
    Mutant("state-quiet-nan", "every NaN comes back as the same", WEIGHTS,
           adapt=reported(array(_quiet))),
    Mutant("state-flushed", "subnormal numbers come back as 0", WEIGHTS,
           adapt=reported(array(_flushed))),
    Mutant("state-renamed", "means come back under another name", WEIGHTS,
           adapt=reported(_renamed)),
    Mutant("state-counted", "a counter of batches comes back too", WEIGHTS,
           adapt=reported(_counted)),
    Mutant("state-lacks-one", "the last tensor does not come back", WEIGHTS,
           adapt=reported(_without_last)),
    Mutant("state-channels-last", "kernels come back in the order kH, kW, I, O", WEIGHTS,
           adapt=reported(_channels_last)),
    Mutant("state-transposed", "kernels come back transposed", WEIGHTS,
           adapt=reported(array(lambda each: each.T.reshape(each.shape)))),
    Mutant("biased", "convolutions have a bias that nobody asked for", CONTRACT,
           adapt=reported(_biased)),
    Mutant("size-rounded-up", "the size of an output is rounded up", CONTRACT,
           patches=((arithmetic, "output_size", _rounded_up),)),
    Mutant("input-unchecked", "any input is accepted", CONTRACT,
           patches=((Configuration, "check_input", unchecked),)),
    Mutant("form-unchecked", "a folded layer takes a training step", CONTRACT,
           patches=((configuration, "check_form", unchecked),)),
    Mutant("single-value-unchecked", "a step takes one value for each channel", CONTRACT,
           patches=((Configuration, "_normalises_single_values", _never),)),
    Mutant("groups-unchecked", "groups need not divide the channels", CONTRACT,
           patches=((checks, "divides", unchecked),)),
    Mutant("other-words", "errors have other texts", CONTRACT,
           patches=((ArgumentError, "__init__", _in_other_words),)),
)  # fmt: skip
