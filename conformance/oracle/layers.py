"""The framework's own layers, as this project uses them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from conformance.oracle.planned import LayerOptions
from conformance.oracle.weighted import BatchNorm, Convolution, Linear
from weights import arithmetic
from weights.modules.arguments import leaky_slope
from weights.modules.convolutions import ConvolutionPlan


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu6(x: np.ndarray) -> np.ndarray:
    """min(max(x, 0), 6)."""
    return np.minimum(np.maximum(x, 0), 6)


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + exp(-x))."""
    with np.errstate(over="ignore", invalid="ignore"):  # exp may be infinite: the quotient is 0
        return x / (1 + np.exp(-x))


def hard_swish(x: np.ndarray) -> np.ndarray:
    """x relu6(x + 3) / 6 (Howard et al., ICCV 2019, section 5.2)."""
    with np.errstate(invalid="ignore"):  # minus infinity times 0 is NaN, as it should be
        return x * relu6(x + 3) / 6


def identity(x: np.ndarray) -> np.ndarray:
    """x."""
    return x


@dataclass(frozen=True)
class LeakyReLU:
    """max(x, slope x), for slopes up to 1."""

    slope: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The activation of x."""
        return np.maximum(x, x * self.slope)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": relu,
    "relu6": relu6,
    "silu": silu,
    "hard_swish": hard_swish,
    "identity": identity,
}


def convolution(plan: ConvolutionPlan, *, dtype: Any = np.float64) -> Convolution:
    """A convolution with symmetric explicit padding."""
    weight = np.zeros(plan.kernel_shape, dtype)
    bias = np.zeros(plan.c_out, dtype) if plan.bias else None
    return Convolution(weight, plan.stride, plan.padding, plan.dilation, plan.groups, bias)


def batch_norm(channels: int, eps: float, momentum: float, *, dtype: Any = np.float64) -> BatchNorm:
    """Batch normalisation that stores the unbiased variance."""
    zeros, ones = np.zeros(channels, dtype), np.ones(channels, dtype)
    return BatchNorm(ones, zeros, zeros.copy(), ones.copy(), eps, momentum)


@dataclass
class Folded:
    """The place of a batch normalisation that is folded into the convolution before it."""

    training: bool = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`x`."""
        return x


def norm_after(
    plan: ConvolutionPlan, eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """The batch normalisation after a convolution, or `Folded` where none follows."""
    return batch_norm(plan.c_out, eps, momentum, **options) if plan.norm else Folded()


def linear(features: int, classes: int, *, dtype: Any = np.float64) -> Linear:
    """A linear layer with bias."""
    return Linear(np.zeros((classes, features), dtype), np.zeros(classes, dtype))


def dropout(rate: float, **options: Unpack[LayerOptions]) -> Callable[[np.ndarray], np.ndarray]:
    """Dropout of that rate.

    Here it does nothing: the oracle draws no random numbers, its training steps are without.
    """
    return identity


def activation(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The activation of that name."""
    slope = leaky_slope(name)
    return LeakyReLU(slope) if slope else ACTIVATIONS[name]


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):  # exp may be infinite: the quotient is 0
        return 1 / (1 + np.exp(-x))


def global_avg_pool(x: np.ndarray) -> np.ndarray:
    """The mean over height and width, which stay as axes of one position."""
    return x.mean(axis=(2, 3), keepdims=True)


def avg_pool_2x2(x: np.ndarray) -> np.ndarray:
    """The means over 2x2; an odd last row or column is left out."""
    return _four(x).mean(axis=(3, 5))


def max_pool_2x2(x: np.ndarray) -> np.ndarray:
    """The maxima over 2x2; an odd last row or column is left out."""
    return _four(x).max(axis=(3, 5))


def resize_like(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The nearest position, by the rule (i * in) // out, at height and width of `other`."""
    for axis in (2, 3):
        size, wanted = x.shape[axis], other.shape[axis]
        index = np.arange(wanted)
        x = x.take(arithmetic.nearest_source(index, size, wanted), axis)
    return x


def module_list(modules: Iterable[Any]) -> list[Any]:
    """Modules in an order, under their indices."""
    return list(modules)


def conv_norms(
    plans: Iterable[ConvolutionPlan], eps: float, momentum: float, **options: Unpack[LayerOptions]
) -> Any:
    """Convolutions in turn, each with its batch normalisation."""
    layers: list[Any] = []
    for plan in plans:
        layers.append(convolution(plan, **options))
        layers.append(norm_after(plan, eps, momentum, **options))
    return module_list(layers)


def in_training(norm: BatchNorm | Folded | None, training: bool | None = None) -> bool:
    """Whether the normalisation will use the statistics of the batch."""
    return norm is not None and norm.training


def check_input(module: Any, x: np.ndarray) -> None:
    """Raise `ArgumentError` for an input that the module cannot take."""
    training = in_training(module.first_norm)
    module.plan.check_input(x.shape, dtype_name(x), training=training)


def dtype_name(x: np.ndarray) -> str:
    """Name of the input's dtype, as NumPy has it."""
    return x.dtype.name


def _four(x: np.ndarray) -> np.ndarray:
    """The squares of 2x2 positions: (N, C, H, W) to (N, C, H/2, 2, W/2, 2)."""
    height, width = arithmetic.halved(x.shape[2]), arithmetic.halved(x.shape[3])
    return x[:, :, : 2 * height, : 2 * width].reshape(*x.shape[:2], height, 2, width, 2)
