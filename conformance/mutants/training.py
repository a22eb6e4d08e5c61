"""Defects of a training step: statistics, gradients and what they are summed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.gradients import tape, vjps
from conformance.gradients.tape import Variable
from conformance.mutants.changes import become, each, scale_norms
from conformance.mutants.mutant import Mutant
from conformance.oracle.layers import BatchNorm
from conformance.oracle.training import Step


class StoresBiased(BatchNorm):
    """Stores the variance by which it normalises."""

    def _update(self, x: Any) -> Any:
        old = self.running_var
        mean, var = super()._update(x)
        self.running_var = old * (1 - self.momentum) + var * self.momentum
        return mean, var


class NormalisesUnbiased(BatchNorm):
    """Normalises by the variance that it stores."""

    def _update(self, x: Any) -> Any:
        mean, var = super()._update(x)
        count = x.size // x.shape[1]
        return mean, var * (count / (count - 1))


class UsesRunning(BatchNorm):
    """Normalises by the running statistics in training too."""

    def _update(self, x: Any) -> Any:
        mean, var = self.running_mean, self.running_var
        super()._update(x)
        return mean, var


class ConstantStatistics(BatchNorm):
    """Takes the statistics of the batch for constants in the backward pass."""

    def _update(self, x: Any) -> Any:
        return tuple(getattr(each, "value", each) for each in super()._update(x))


class ConstantVariance(BatchNorm):
    """Takes the variance of the batch for a constant in the backward pass."""

    def _update(self, x: Any) -> Any:
        mean, var = super()._update(x)
        return mean, getattr(var, "value", var)


class NeverUpdates(BatchNorm):
    """Leaves the running statistics as they were."""

    def _update(self, x: Any) -> Any:
        before = self.running_mean, self.running_var
        found = super()._update(x)
        self.running_mean, self.running_var = before
        return found


# The function itself, which mutants below replace in its module.
_summed_to = vjps.summed_to


def _first_of_batch(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return _summed_to(g[:1] if g.ndim > len(shape) else g, shape)


def _mean_of_batch(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return _summed_to(g / len(g) if g.ndim > len(shape) else g, shape)


def _leaking_slice(self: Variable, index: Any) -> Variable:
    """Give channels that were cropped the gradient of their neighbour."""

    def spread(g: np.ndarray) -> np.ndarray:
        whole = np.zeros_like(self.value)
        whole[index] = g
        if isinstance(index, tuple) and len(index) == 2 and g.shape[1] < whole.shape[1]:
            whole[:, g.shape[1] :] = g[:, -1:]
        return whole

    return self.made(self.value[index], [(self, spread)])


def _slope_everywhere(out: np.ndarray, a: Any, b: Any) -> vjps.Partials:
    return lambda g: g, lambda g: np.zeros(np.shape(b), g.dtype)


def _times(part: str, ending: str, factor: float) -> Callable[[Step], Step]:
    """Multiply the arrays of a part of the step whose names end so."""

    def edit(step: Step) -> Step:
        named = {
            name: array * array.dtype.type(factor) if name.endswith(ending) else array
            for name, array in step[part].items()
        }
        return step | {part: named}

    return edit


def _swapped(first: str, second: str) -> Callable[[Step], Step]:
    def edit(step: Step) -> Step:
        grads = dict(step["grads"])
        for name in [name for name in grads if name.endswith(f"1.{first}")]:
            other = name.removesuffix(first) + second
            grads[name], grads[other] = grads[other], grads[name]
        return step | {"grads": grads}

    return edit


def _input_gradient(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Step], Step]:
    return lambda step: step | {"grad_input": edit(step["grad_input"])}


_MAXIMUM = {**vjps.UFUNCS, np.maximum: _slope_everywhere}

TRAINING_MUTANTS = (
    Mutant("momentum", "a tenth of the momentum", "training", scale_norms(momentum=0.1)),
    Mutant("momentum-convention", "1 - momentum for momentum", "training",
           each(BatchNorm, lambda norm: setattr(norm, "momentum", 1 - norm.momentum))),
    Mutant("stores-biased", "the biased variance is stored", "training",
           become(BatchNorm, StoresBiased)),
    Mutant("normalises-unbiased", "the unbiased variance normalises", "training",
           become(BatchNorm, NormalisesUnbiased)),
    Mutant("running-in-training", "running statistics normalise in training", "training",
           become(BatchNorm, UsesRunning)),
    Mutant("never-updates", "statistics are not updated", "training",
           become(BatchNorm, NeverUpdates)),
    Mutant("constant-statistics", "no gradient through the batch statistics", "training",
           become(BatchNorm, ConstantStatistics)),
    Mutant("constant-variance", "no gradient through the batch variance", "training",
           become(BatchNorm, ConstantVariance)),
    Mutant("first-image", "gradients of weights from the first image only", "training",
           patches=((vjps, "summed_to", _first_of_batch),)),
    Mutant("mean-over-batch", "gradients of weights averaged over the batch", "training",
           patches=((vjps, "summed_to", _mean_of_batch),)),
    Mutant("crop-leaks", "what was cropped gets a gradient", "training",
           patches=((Variable, "__getitem__", _leaking_slice),)),
    Mutant("relu-passes", "relu's gradient does not stop", "training",
           patches=((tape, "UFUNCS", _MAXIMUM),)),
    Mutant("cheap-gradient-halved", "gradients of cheap kernels halved", "training",
           step=_times("grads", "cheap_conv.0.weight", 0.5)),
    Mutant("norm-gradients-swapped", "gradients of weight and bias swapped", "training",
           step=_swapped("weight", "bias")),
    Mutant("gradient-1e-4", "a gradient off by 1e-4 of itself", "training",
           step=_times("grads", "primary_conv.0.weight", 1 + 1e-4)),
    Mutant("input-gradient-reversed", "channels of the input's gradient in reverse", "training",
           step=_input_gradient(lambda g: g[:, ::-1])),
    Mutant("no-input-gradient", "the input gets no gradient", "training",
           step=_input_gradient(np.zeros_like)),
)  # fmt: skip
