"""Usual faults of convolutions, batch normalisations and activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from conformance.faults.changes import (
    Change,
    activation,
    each,
    kernels,
    replace_activation,
    swap,
    with_methods,
)
from conformance.faults.fault import Fault
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.layers import hard_sigmoid, hard_swish, identity, relu, relu6, silu
from conformance.oracle.weighted import BatchNorm, Convolution
from weights.arithmetic import kernel_span

# The values that libraries have, and neighbours of them.
USUAL_EPS = (0.0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


def padded_by(widths: Callable[[Any, Any], Any], **options: Any) -> Change:
    """Pad as `np.pad` does: `widths(convolution, x)` rows and columns, with these options."""

    def call(self: Any, x: np.ndarray) -> np.ndarray:
        none = (0, 0)
        padded = np.pad(x, (none, none, *widths(self, x)), **options)
        return Convolution.__call__(replace(self, padding=none), padded)

    return with_methods(Convolution, __call__=call)


def same_sides(size: int, span: int, stride: int) -> tuple[int, int]:
    """The padding of TensorFlow's "same" before and after a size, for a kernel of that span.

    >>> same_sides(8, 3, 2), same_sides(7, 3, 2)
    ((0, 1), (1, 1))
    """
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def both_sides(conv: Any, x: Any) -> list[tuple[int, int]]:
    """As many rows and columns on both sides, as is right."""
    return [(size, size) for size in conv.padding]


def _shifted(conv: Any, x: Any) -> list[tuple[int, int]]:
    return [(size + 1, size - 1) if size else (0, 0) for size in conv.padding]


def _after(conv: Any, x: Any) -> list[tuple[int, int]]:
    return [(0, 2 * size) for size in conv.padding]


def _same(conv: Any, x: Any) -> list[tuple[int, int]]:
    """TensorFlow's padding "same", where the padding keeps the size at stride 1."""
    kernel = conv.weight.shape[2:]
    spans = [kernel_span(*axis) for axis in zip(kernel, conv.dilation, strict=True)]
    if any(span != 2 * size + 1 for span, size in zip(spans, conv.padding, strict=True)):
        return both_sides(conv, x)
    return [same_sides(*axis) for axis in zip(x.shape[2:], spans, conv.stride, strict=True)]


def _eps(value: float) -> Change:
    return each(BatchNorm, lambda norm: setattr(norm, "eps", value))


def _transposed(weight: np.ndarray) -> np.ndarray:
    return weight.swapaxes(2, 3)


def _mirrored(weight: np.ndarray) -> np.ndarray:
    return weight[:, :, ::-1, ::-1]


primary, cheap = partial(kernels, depthwise=False), partial(kernels, depthwise=True)


def both(new: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Compute all kernels anew."""

    def change(module: Any) -> None:
        primary(new)(module)
        cheap(new)(module)

    return change


EXACT, MODULE = "exact", "module"
LAYER_FAULTS = (
    *(Fault(f"eps-{value:g}", f"eps is {value:g}", EXACT, _eps(value)) for value in USUAL_EPS),
    Fault("mean-var", "mean and variance swapped", EXACT, swap("running_mean", "running_var")),
    Fault("gamma-beta", "weight and bias of the norm swapped", EXACT, swap("weight", "bias")),
    Fault("gamma-var", "weight and variance swapped", MODULE, swap("weight", "running_var")),
    Fault("beta-mean", "bias and mean swapped", EXACT, swap("bias", "running_mean")),
    Fault("batch-statistics", "statistics of the batch in inference", EXACT,
          each(BatchNorm, lambda norm: setattr(norm, "training", True))),
    Fault("primary-transposed", "primary kernel: rows for columns", EXACT, primary(_transposed)),
    Fault("cheap-transposed", "cheap kernel: rows for columns", EXACT, cheap(_transposed)),
    Fault("transposed", "all kernels: rows for columns", EXACT,
          both(_transposed)),
    Fault("primary-mirrored", "a true convolution, primary kernel mirrored", EXACT,
          primary(_mirrored)),
    Fault("cheap-mirrored", "cheap kernel mirrored", EXACT, cheap(_mirrored)),
    Fault("mirrored", "true convolutions, all kernels mirrored", EXACT,
          both(_mirrored)),
    Fault("in-out-swapped", "input and output channels of the primary kernel swapped", EXACT,
          primary(lambda weight: weight.swapaxes(0, 1))),
    Fault("cheap-reversed", "cheap kernels in reverse order", EXACT,
          cheap(lambda weight: weight[::-1])),
    Fault("no-primary-activation", "activation of the primary half missing", EXACT,
          activation("primary_conv", identity)),
    Fault("no-cheap-activation", "activation of the cheap half missing", EXACT,
          activation("cheap_conv", identity)),
    Fault("activation-first", "activation before the norm, not after it", EXACT,
          with_methods(ConvNormAct, __call__=lambda self, x: self.norm(self.act(self.conv(x))))),
    Fault("relu6-for-relu", "relu is cut at 6", EXACT, replace_activation(relu, relu6)),
    Fault("relu-for-relu6", "relu6 is not cut", EXACT, replace_activation(relu6, relu)),
    Fault("hard-silu", "hard_swish for silu", MODULE,
          replace_activation(silu, lambda x: x * hard_sigmoid(x))),
    Fault("silu-for-hard-swish", "silu for hard_swish", MODULE,
          replace_activation(hard_swish, silu)),
    Fault("relu-for-silu", "relu for silu", MODULE, replace_activation(silu, relu)),
    Fault("edge-padding", "the border is repeated, not zero", EXACT,
          padded_by(both_sides, mode="edge")),
    Fault("shifted-padding", "padding asymmetric by one", EXACT, padded_by(_shifted)),
    Fault("padding-after", "all padding below and to the right", EXACT, padded_by(_after)),
    Fault("same-padding", "TensorFlow's padding `same`, which is another at stride 2", EXACT,
          padded_by(_same)),
)  # fmt: skip
