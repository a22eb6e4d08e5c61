"""The tensors of a module: canonical names, kinds and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

CONVOLUTION = "convolution"
CONVOLUTION_BIAS = "convolution_bias"
DEPTHWISE = "depthwise"
TRANSPOSED_CONVOLUTION = "transposed_convolution"
LINEAR = "linear"
LINEAR_BIAS = "linear_bias"
NORM_WEIGHT = "norm_weight"
NORM_BIAS = "norm_bias"
RUNNING_MEAN = "running_mean"
RUNNING_VAR = "running_var"
EMBEDDING = "embedding"
SLOPE = "slope"
STATISTICS = (RUNNING_MEAN, RUNNING_VAR)
# What multiplies the channels at each position.
KERNELS = (CONVOLUTION, DEPTHWISE, LINEAR)

# The four floating types that a parameter may have, by safetensors' names.
DTYPES: dict[str, np.dtype] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


class TensorSpec(NamedTuple):
    """One tensor of a module: canonical name, declared kind, canonical (PyTorch) shape."""

    name: str
    kind: str
    shape: tuple[int, ...]

    @property
    def trainable(self) -> bool:
        """Whether an optimiser changes it."""
        return self.kind not in STATISTICS


# (height, width); a size that is not known yet is `None`.
Sizes = tuple[Any, Any]
# Tensors, each with the height and width of what its layer makes.
SizedTensors = Iterator[tuple[TensorSpec, Sizes]]


def convolution(
    prefix: str, shape: tuple[int, ...], sizes: Sizes, *, depthwise: bool, bias: bool
) -> SizedTensors:
    """The kernel of a convolution, and the bias where there is one."""
    yield TensorSpec(f"{prefix}.weight", DEPTHWISE if depthwise else CONVOLUTION, shape), sizes
    if bias:
        yield TensorSpec(f"{prefix}.bias", CONVOLUTION_BIAS, shape[:1]), sizes


def linear(prefix: str, features: int, outputs: int) -> SizedTensors:
    """The matrix and the bias of a linear layer."""
    yield TensorSpec(f"{prefix}.weight", LINEAR, (outputs, features)), (1, 1)
    yield TensorSpec(f"{prefix}.bias", LINEAR_BIAS, (outputs,)), (1, 1)


def batch_norm(prefix: str, channels: int, sizes: Sizes) -> SizedTensors:
    """The four vectors of a batch normalisation, in PyTorch's order."""
    kinds = {"weight": NORM_WEIGHT, "bias": NORM_BIAS}
    for name in ("weight", "bias", RUNNING_MEAN, RUNNING_VAR):
        yield TensorSpec(f"{prefix}.{name}", kinds.get(name, name), (channels,)), sizes


def joined(path: str, name: str) -> str:
    """The name of a tensor in a network, of its module's path and its name there.

    >>> joined("stem", "weight"), joined("", "weight")
    ('stem.weight', 'weight')
    """
    return f"{path}.{name}" if path else name


def upwards(path: str) -> Iterator[str]:
    """The path, and the paths that it is inside of, up to that of the whole."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield path


def under(prefix: str, tensors: SizedTensors) -> SizedTensors:
    """The tensors of a submodule called `prefix`."""
    return ((TensorSpec(joined(prefix, x.name), x.kind, x.shape), sizes) for x, sizes in tensors)


def fit(tensors: SizedTensors) -> bool:
    """Whether every layer has an output, as far as sizes are known."""
    return all(size is None or size > 0 for _, sizes in tensors for size in sizes)
