"""Defects of a training step: statistics, gradients and what they are summed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.gradients import tape, vjps
from conformance.gradients.tape import Variable
from conformance.mutants.changes import become, each, scale_norms
from conformance.mutants.mutant import Change, Mutant
from conformance.oracle.training import Step
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


def _stores_biased(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    norm.running_var = before[1] * (1 - norm.momentum) + var * norm.momentum
    return mean, var


def _unbiased(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    count = x.size // x.shape[1]
    return mean, var * (count / (count - 1))


def _keeps_running(norm: Any, x: Any, before: Any, mean: Any, var: Any) -> Any:
    norm.running_mean, norm.running_var = before
    return mean, var


def _constant(statistic: Any) -> Any:
    """The statistic without its gradient."""
    return getattr(statistic, "value", statistic)


# Bound before mutants below replace it in its module.
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

    return self.derived(self.value[index], [(self, spread)])


def _slope_everywhere(out: np.ndarray, a: Any, b: Any) -> vjps.Partials:
    return lambda g: g, lambda g: np.zeros(np.shape(b), g.dtype)


def _gradients(ending: str, factor: float) -> Callable[[Step], Step]:
    """Multiply the gradients of the tensors whose names end so."""

    def edit(step: Step) -> Step:
        grads = {
            name: array * array.dtype.type(factor) if name.endswith(ending) else array
            for name, array in step["grads"].items()
        }
        return step | {"grads": grads}

    return edit


def _norm_gradients_swapped(step: Step) -> Step:
    grads = dict(step["grads"])
    for name in [name for name in grads if name.endswith("1.weight")]:
        other = name.removesuffix("weight") + "bias"
        grads[name], grads[other] = grads[other], grads[name]
    return step | {"grads": grads}


def _input_gradient(edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Step], Step]:
    return lambda step: step | {"grad_input": edit(step["grad_input"])}


_MAXIMUM = {**vjps.UFUNCS, np.maximum: _slope_everywhere}

TRAINING_MUTANTS = (
    Mutant("momentum", "a tenth of the momentum", "training", scale_norms(momentum=0.1)),
    Mutant("momentum-convention", "1 - momentum for momentum", "training",
           each(BatchNorm, lambda norm: setattr(norm, "momentum", 1 - norm.momentum))),
    Mutant("stores-biased", "the biased variance is stored", "training",
           statistics(_stores_biased)),
    Mutant("normalises-unbiased", "the unbiased variance normalises", "training",
           statistics(_unbiased)),
    Mutant("running-in-training", "running statistics normalise in training", "training",
           statistics(lambda norm, x, before, *found: before)),
    Mutant("never-updates", "statistics are not updated", "training",
           statistics(_keeps_running)),
    Mutant("constant-statistics", "no gradient through the batch statistics", "training",
           statistics(lambda norm, x, before, *found: map(_constant, found))),
    Mutant("constant-variance", "no gradient through the batch variance", "training",
           statistics(lambda norm, x, before, mean, var: (mean, _constant(var)))),
    Mutant("first-image", "gradients of weights from the first image only", "training",
           patches=((vjps, "summed_to", _first_of_batch),)),
    Mutant("mean-over-batch", "gradients of weights averaged over the batch", "training",
           patches=((vjps, "summed_to", _mean_of_batch),)),
    Mutant("crop-leaks", "what was cropped gets a gradient", "training",
           patches=((Variable, "__getitem__", _leaking_slice),)),
    Mutant("relu-passes", "relu's gradient does not stop", "training",
           patches=((tape, "UFUNCS", _MAXIMUM),)),
    Mutant("cheap-gradient-halved", "gradients of cheap kernels halved", "training",
           step=_gradients("cheap_conv.0.weight", 0.5)),
    Mutant("norm-gradients-swapped", "gradients of weight and bias swapped", "training",
           step=_norm_gradients_swapped),
    Mutant("gradient-1e-4", "a gradient off by 1e-4 of itself", "training",
           step=_gradients("primary_conv.0.weight", 1 + 1e-4)),
    Mutant("input-gradient-reversed", "channels of the input's gradient in reverse", "training",
           step=_input_gradient(lambda g: g[:, ::-1])),
    Mutant("no-input-gradient", "the input gets no gradient", "training",
           step=_input_gradient(np.zeros_like)),
)  # fmt: skip
