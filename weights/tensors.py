"""The tensors of a module: canonical names, kinds and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ml_dtypes
import numpy as np

CONVOLUTION = "convolution"
CONVOLUTION_BIAS = "convolution_bias"
DEPTHWISE = "depthwise"
LINEAR = "linear"
LINEAR_BIAS = "linear_bias"
NORM_WEIGHT = "norm_weight"
NORM_BIAS = "norm_bias"
RUNNING_MEAN = "running_mean"
RUNNING_VAR = "running_var"
STATISTICS = (RUNNING_MEAN, RUNNING_VAR)

# The four floating types that a parameter may have, by safetensors' names.
DTYPES: dict[str, np.dtype] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a module: canonical name, declared kind, canonical (PyTorch) shape."""

    name: str
    kind: str
    shape: tuple[int, ...]

    def under(self, prefix: str) -> TensorSpec:
        """Return the same tensor inside a submodule called `prefix`."""
        return TensorSpec(f"{prefix}.{self.name}", self.kind, self.shape)

    @property
    def trainable(self) -> bool:
        """Whether an optimiser changes it."""
        return self.kind not in STATISTICS


def linear_specs(prefix: str, features: int, outputs: int) -> Iterator[TensorSpec]:
    """The matrix and the bias of a linear layer."""
    yield TensorSpec(f"{prefix}.weight", LINEAR, (outputs, features))
    yield TensorSpec(f"{prefix}.bias", LINEAR_BIAS, (outputs,))


def batch_norm_specs(prefix: str, channels: int) -> Iterator[TensorSpec]:
    """Yield the four vectors of a batch normalisation, in PyTorch's order."""
    shape = (channels,)
    yield TensorSpec(f"{prefix}.weight", NORM_WEIGHT, shape)
    yield TensorSpec(f"{prefix}.bias", NORM_BIAS, shape)
    yield TensorSpec(f"{prefix}.running_mean", RUNNING_MEAN, shape)
    yield TensorSpec(f"{prefix}.running_var", RUNNING_VAR, shape)
