"""Defects of convolutions, batch normalisations and activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from conformance.mutants.mutant import Mutant
from conformance.oracle import layers
from conformance.oracle.ghost_conv import ConvNormAct
from conformance.oracle.layers import BatchNorm, Convolution
from conformance.oracle.walk import parts, replace_parts

Change = Callable[[Any], None]
# How many bits TF32 and bfloat16 keep of a float32's 23.
TF32_LOST, BFLOAT16_LOST = 13, 16


def norms(**factors: float) -> Change:
    """Multiply fields of every batch normalisation."""

    def change(module: Any) -> None:
        for norm in parts(module, BatchNorm):
            for name, factor in factors.items():
                setattr(norm, name, getattr(norm, name) * factor)

    return change


def swap(first: str, second: str) -> Change:
    """Exchange two vectors of every batch normalisation."""

    def change(module: Any) -> None:
        for norm in parts(module, BatchNorm):
            one, other = getattr(norm, first), getattr(norm, second)
            setattr(norm, first, other)
            setattr(norm, second, one)

    return change


def kernels(new: Callable[[np.ndarray], np.ndarray], *, depthwise: bool) -> Change:
    """Change the kernels of the depthwise convolutions, or of the others."""

    def change(module: Any) -> None:
        for conv in parts(module, Convolution):
            if (conv.weight.shape[1] == 1) == depthwise and conv.weight.ndim == 4:
                conv.weight = np.ascontiguousarray(new(conv.weight)).reshape(conv.weight.shape)

    return change


def half(name: str, act: Callable[[Any], Any]) -> Change:
    """Give one half of every GhostConv another activation."""

    def change(module: Any) -> None:
        found = getattr(module, name, None)
        if isinstance(found, ConvNormAct):
            found.act = act

    return change


def instead(wrong: Callable[[Any], Any], right: Callable[[Any], Any]) -> Change:
    """Give every half that has the activation `right` the activation `wrong`."""

    def change(module: Any) -> None:
        for each in parts(module, ConvNormAct):
            if each.act is right:
                each.act = wrong

    return change


def convolutions(kind: type[Convolution], **own: Any) -> Change:
    """Compute every convolution by a class of its own."""

    def change(module: Any) -> None:
        def new(conv: Convolution) -> Convolution:
            given = {each.name: getattr(conv, each.name) for each in fields(Convolution)}
            return kind(**given, **own)

        replace_parts(module, Convolution, new)

    return change


class Padded(Convolution):
    """Pads with the border's own values, not with zeros."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        rows, columns = self.padding
        if not (rows or columns):
            return super().__call__(x)
        padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), mode="edge")
        return replace(self, padding=(0, 0))(padded)


class Shifted(Convolution):
    """Pads one more above and to the left, one less below and to the right."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        (top, left), none = self.padding, (0, 0)
        rows, columns = ((size + 1, size - 1) if size else none for size in (top, left))
        padded = np.pad(x, (none, none, rows, columns))
        return Convolution(self.weight, self.stride, none, self.dilation, self.groups, self.bias)(
            padded
        )


@dataclass
class Coarse(Convolution):
    """Rounds its factors to fewer bits, as matrix units do that were not told otherwise."""

    lost: int = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Shapes: x: (N, C, H, W) to (N, O, H', W')."""
        exact = Convolution(
            rounded(self.weight, self.lost),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.bias,
        )
        return exact(rounded(x, self.lost))


def rounded(x: Any, lost: int) -> Any:
    """A float32 array without its last bits, rounded to nearest."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    half_way = np.uint32(1 << (lost - 1))
    return ((bits + half_way) >> np.uint32(lost) << np.uint32(lost)).view(np.float32)


def one_weight(factor: float) -> Change:
    """Change the largest weight of the first convolution."""

    def change(module: Any) -> None:
        weight = next(parts(module, Convolution)).weight
        at = np.unravel_index(np.abs(weight).argmax(), weight.shape)
        weight[at] *= weight.dtype.type(factor)

    return change


def _transposed(weight: np.ndarray) -> np.ndarray:
    return weight.swapaxes(2, 3)


def _flipped(weight: np.ndarray) -> np.ndarray:
    return weight[:, :, ::-1, ::-1]


def _input_first(weight: np.ndarray) -> np.ndarray:
    return weight.swapaxes(0, 1)


def _reversed(weight: np.ndarray) -> np.ndarray:
    return weight[::-1]


def _zero_for_nan(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0).astype(x.dtype)


def _finite(x: np.ndarray) -> np.ndarray:
    return np.minimum(layers.relu(x), np.finfo(x.dtype).max)


def _quick_silu(x: np.ndarray) -> np.ndarray:
    return x * layers.hard_sigmoid(x)


def _twice(x: np.ndarray) -> np.ndarray:
    return layers.silu(layers.silu(x))


def _six_for_seven(x: np.ndarray) -> np.ndarray:
    return x * layers.relu6(x + 3) / 7


def _batch_statistics(module: Any) -> None:
    for norm in parts(module, BatchNorm):
        norm.training = True


LAYER_MUTANTS = (
    Mutant("eps-1e-3", "eps is 100 times too large", "exact", norms(eps=100)),
    Mutant("eps-2e-5", "eps is twice too large", "exact", norms(eps=2)),
    Mutant("no-eps", "eps is left out", "exact", norms(eps=0)),
    Mutant("mean-var", "mean and variance swapped", "exact", swap("running_mean", "running_var")),
    Mutant("gamma-beta", "weight and bias of the norm swapped", "exact", swap("weight", "bias")),
    Mutant("gamma-var", "weight and variance swapped", "module", swap("weight", "running_var")),
    Mutant("beta-mean", "bias and mean swapped", "exact", swap("bias", "running_mean")),
    Mutant("batch-statistics", "statistics of the batch in inference", "exact", _batch_statistics),
    Mutant("primary-transposed", "primary kernel: rows for columns", "exact",
           kernels(_transposed, depthwise=False)),
    Mutant("cheap-transposed", "cheap kernel: rows for columns", "exact",
           kernels(_transposed, depthwise=True)),
    Mutant("primary-flipped", "a true convolution, kernel mirrored", "exact",
           kernels(_flipped, depthwise=False)),
    Mutant("cheap-flipped", "cheap kernel mirrored", "exact", kernels(_flipped, depthwise=True)),
    Mutant("in-out-swapped", "input and output channels swapped", "exact",
           kernels(_input_first, depthwise=False)),
    Mutant("cheap-reversed", "cheap kernels in reverse order", "exact",
           kernels(_reversed, depthwise=True)),
    Mutant("no-primary-activation", "activation of the primary half missing", "exact",
           half("primary_conv", layers.identity)),
    Mutant("no-cheap-activation", "activation of the cheap half missing", "exact",
           half("cheap_conv", layers.identity)),
    Mutant("relu6-for-relu", "relu is cut at 6", "exact", instead(layers.relu6, layers.relu)),
    Mutant("relu-for-relu6", "relu6 is not cut", "exact", instead(layers.relu, layers.relu6)),
    Mutant("silu-twice", "silu is applied twice", "module", instead(_twice, layers.silu)),
    Mutant("hard-silu", "hard_swish for silu", "module", instead(_quick_silu, layers.silu)),
    Mutant("seventh", "hard_swish divides by 7", "module",
           instead(_six_for_seven, layers.hard_swish)),
    Mutant("nan-to-zero", "relu makes 0 of NaN", "special",
           instead(_zero_for_nan, layers.relu)),
    Mutant("no-infinity", "relu makes a large number of infinity", "special",
           instead(_finite, layers.relu)),
    Mutant("edge-padding", "the border is repeated, not zero", "exact", convolutions(Padded)),
    Mutant("shifted-padding", "padding asymmetric by one", "exact", convolutions(Shifted)),
    Mutant("tf32", "factors of products rounded to TF32", "module",
           convolutions(Coarse, lost=TF32_LOST)),
    Mutant("bfloat16", "factors of products rounded to bfloat16", "module",
           convolutions(Coarse, lost=BFLOAT16_LOST)),
    Mutant("one-weight", "one weight off by 1e-4 of itself", "module", one_weight(1 + 1e-4)),
)  # fmt: skip
