"""Names of a layer's tensors in Keras, and their types."""

from __future__ import annotations

import keras
import numpy as np

from weights.tensors import (
    CONVOLUTION,
    CONVOLUTION_BIAS,
    DEPTHWISE,
    DTYPES,
    LINEAR,
    LINEAR_BIAS,
    NORM_BIAS,
    NORM_WEIGHT,
    RUNNING_MEAN,
    RUNNING_VAR,
)

BFLOAT16 = DTYPES["BF16"]
ATTRIBUTES = {
    CONVOLUTION: "kernel",
    CONVOLUTION_BIAS: "bias",
    DEPTHWISE: "kernel",
    LINEAR: "kernel",
    LINEAR_BIAS: "bias",
    NORM_WEIGHT: "gamma",
    NORM_BIAS: "beta",
    RUNNING_MEAN: "moving_mean",
    RUNNING_VAR: "moving_variance",
}


def numpy_dtype(variable: keras.Variable) -> np.dtype:
    """The type of a variable; NumPy has no bfloat16 that Keras names."""
    return BFLOAT16 if variable.dtype == "bfloat16" else np.dtype(variable.dtype)
