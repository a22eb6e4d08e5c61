"""Defects of the gradients of a training step, and what they are summed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.faults.changes import (
    calls,
    constant,
    joined,
    replace_activation,
    with_slope,
)
from conformance.gradients import tape, vjps
from conformance.gradients.tape import Variable
from conformance.mutants.defects.values import through
from conformance.mutants.mutant import Mutant
from conformance.oracle import attention
from conformance.oracle.layers import hard_sigmoid, hard_swish, relu, relu6, sigmoid, silu
from conformance.oracle.training import Step
from weights.tensors import DTYPES

Edit = Callable[[np.ndarray], np.ndarray]

# Bound before mutants below replace it in its module.
_summed_to = vjps.summed_to


def gradients(edit: Edit, *endings: str) -> Callable[[Step], Step]:
    """Edit the gradients of the tensors whose names end so; of all without an ending."""

    def change(step: Step) -> Step:
        grads = {
            name: edit(array) if name.endswith(endings or "") else array
            for name, array in step["grads"].items()
        }
        return step | {"grads": grads}

    return change


def input_gradient(edit: Edit) -> Callable[[Step], Step]:
    """Edit the gradient of the input."""
    return lambda step: step | {"grad_input": edit(step["grad_input"])}


def times(factor: float) -> Edit:
    """Multiply an array, in its own type."""
    return lambda array: array * array.dtype.type(factor)


def derivative(ufunc: np.ufunc, rule: vjps.Rule) -> tuple[Any, str, Any]:
    """Give a function another rule of its derivatives while the mutant runs."""
    return tape, "UFUNCS", {**vjps.UFUNCS, ufunc: rule}


def _first_of_batch(images: int) -> Callable[[np.ndarray, tuple[int, ...]], np.ndarray]:
    """Sum over the first images of a batch, so many."""
    return lambda g, shape: _summed_to(g[:images] if g.ndim > len(shape) else g, shape)


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


def _norm_gradients_swapped(step: Step) -> Step:
    grads = dict(step["grads"])
    for name in [name for name in grads if name.endswith("1.weight")]:
        other = name.removesuffix("weight") + "bias"
        grads[name], grads[other] = grads[other], grads[name]
    return step | {"grads": grads}


def _border_lost(g: np.ndarray) -> np.ndarray:
    inner = np.zeros_like(g)
    inner[:, :, 1:-1, 1:-1] = g[:, :, 1:-1, 1:-1]
    return inner


def _clipped(g: np.ndarray) -> np.ndarray:
    return np.clip(g, -1, 1)


def _detached(layer: Any, x: Any) -> Any:
    """Send no gradient from the cheap half into the primary half."""
    primary = layer.primary_conv(x)
    cheap = None if layer.cheap_conv is None else layer.cheap_conv(constant(primary))
    return joined(primary, cheap)[:, : layer.c_out]


def _only_through_cheap(layer: Any, x: Any) -> Any:
    primary = layer.primary_conv(x)
    if layer.cheap_conv is None:
        return primary[:, : layer.c_out]
    return joined(constant(primary), layer.cheap_conv(primary))[:, : layer.c_out]


def _slopes(right: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    return replace_activation(right, with_slope(right, slope))


def _silu_slope(x: Any) -> Any:
    return sigmoid(x) * (1 + x * (1 - sigmoid(x)))


TRAINING = "training"
PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"
_MAXIMUM = lambda out, a, b: (lambda g: g, lambda g: np.zeros(np.shape(b), g.dtype))  # noqa: E731
_GATE_OPEN = with_slope(hard_sigmoid, lambda x: np.full_like(x, 1 / 6))
_GATE_SHUT = with_slope(sigmoid, np.zeros_like)

GRADIENT_MUTANTS = (
    Mutant("first-image", "gradients of weights from the first image only", TRAINING,
           patches=((vjps, "summed_to", _first_of_batch(1)),)),
    Mutant("first-three-images", "gradients of weights from three images only", TRAINING,
           patches=((vjps, "summed_to", _first_of_batch(3)),)),
    Mutant("mean-over-batch", "gradients of weights averaged over the batch", TRAINING,
           patches=((vjps, "summed_to", _mean_of_batch),)),
    Mutant("crop-leaks", "what was cropped gets a gradient", TRAINING,
           patches=((Variable, "__getitem__", _leaking_slice),)),
    Mutant("relu-passes", "relu's gradient does not stop", TRAINING,
           patches=(derivative(np.maximum, _MAXIMUM),)),
    Mutant("relu-leaks", "relu's gradient is 0.01 below 0", TRAINING,
           _slopes(relu, lambda x: np.where(x > 0, 1, 0.01))),
    Mutant("relu6-passes-above-6", "relu6's gradient does not stop at 6", TRAINING,
           _slopes(relu6, lambda x: x > 0)),
    Mutant("relu6-passes-below-0", "relu6's gradient does not stop at 0", TRAINING,
           _slopes(relu6, lambda x: x < 6)),
    Mutant("hard-swish-never-1", "hard_swish's gradient goes on above 3", TRAINING,
           _slopes(hard_swish, lambda x: np.where(x > -3, (2 * x + 3) / 6, 0))),
    Mutant("hard-swish-never-0", "hard_swish's gradient goes on below -3", TRAINING,
           _slopes(hard_swish, lambda x: np.where(x < 3, (2 * x + 3) / 6, 1))),
    Mutant("hard-swish-gate-constant", "hard_swish's gate has no gradient", TRAINING,
           _slopes(hard_swish, hard_sigmoid)),
    Mutant("silu-gate-constant", "silu's sigmoid has no gradient", TRAINING,
           _slopes(silu, sigmoid)),
    Mutant("silu-flat", "silu's gradient is 0 below -4", TRAINING,
           _slopes(silu, lambda x: np.where(x < -4, 0, _silu_slope(x)))),
    Mutant("silu-slope-overflows", "silu's gradient is NaN below -88", TRAINING,
           _slopes(silu, lambda x: np.where(x < -88, np.nan, _silu_slope(x)))),
    Mutant("silu-straight", "silu's gradient is 1 above 4", TRAINING,
           _slopes(silu, lambda x: np.where(x > 4, 1, _silu_slope(x)))),
    Mutant("excitation-open", "the gate's gradient does not stop", TRAINING,
           patches=((attention, "hard_sigmoid", _GATE_OPEN),)),
    Mutant("attention-constant", "DFC attention has no gradient", TRAINING,
           patches=((attention, "sigmoid", _GATE_SHUT),)),
    Mutant("cheap-detached", "no gradient from the cheap half into the primary one", TRAINING,
           calls(_detached)),
    Mutant("primary-detached", "gradients of primary channels through the ghosts only", TRAINING,
           calls(_only_through_cheap)),
    Mutant("cheap-gradient-halved", "gradients of cheap kernels halved", TRAINING,
           step=gradients(times(0.5), CHEAP)),
    Mutant("norm-gradients-swapped", "gradients of weight and bias swapped", TRAINING,
           step=_norm_gradients_swapped),
    Mutant("gradient-1e-4", "a gradient off by 1e-4 of itself", TRAINING,
           step=gradients(times(1 + 1e-4), PRIMARY)),
    Mutant("gradients-bfloat16", "gradients rounded to bfloat16", TRAINING,
           step=gradients(through(DTYPES["BF16"]))),
    Mutant("gradients-clipped", "gradients cut at 1", TRAINING, step=gradients(_clipped)),
    Mutant("gradients-negated", "gradients of the other sign", TRAINING,
           step=gradients(np.negative)),
    Mutant("gradient-transposed", "gradients of kernels: rows for columns", TRAINING,
           step=gradients(lambda g: g.swapaxes(2, 3).reshape(g.shape), PRIMARY)),
    Mutant("cheap-gradient-mirrored", "gradients of cheap kernels mirrored", TRAINING,
           step=gradients(lambda g: g[:, :, ::-1, ::-1], CHEAP)),
    Mutant("even-gradient-mirrored", "gradients of kernels of even width mirrored", TRAINING,
           step=gradients(lambda g: g[..., ::-1] if g.shape[-1] % 2 == 0 else g, PRIMARY)),
    Mutant("cheap-gradient-reordered", "gradients of cheap kernels in reverse order", TRAINING,
           step=gradients(lambda g: g[::-1], CHEAP)),
    Mutant("no-shift-gradient", "biases of norms get no gradient", TRAINING,
           step=gradients(np.zeros_like, "1.bias")),
    Mutant("input-gradient-reversed", "channels of the input's gradient in reverse", TRAINING,
           step=input_gradient(lambda g: g[:, ::-1])),
    Mutant("input-gradient-border", "the border of the input gets no gradient", TRAINING,
           step=input_gradient(_border_lost)),
    Mutant("input-gradient-1e-4", "the input's gradient off by 1e-4 of itself", TRAINING,
           step=input_gradient(times(1 + 1e-4))),
    Mutant("no-input-gradient", "the input gets no gradient", TRAINING,
           step=input_gradient(np.zeros_like)),
)  # fmt: skip
