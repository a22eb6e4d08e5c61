"""Conversions between the canonical (PyTorch) layout and a framework's, in NumPy on the host.

The declared kind of a tensor chooses the rule, never its shape: a square kernel transposed by
mistake has the right shape and the wrong values.
"""

import numpy as np
from numpy.typing import DTypeLike

from weights.tensors import CONVOLUTION, DEPTHWISE, TensorSpec

KERNELS = (CONVOLUTION, DEPTHWISE)


def cast_floating(array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Return a C-ordered copy in `dtype`; integers keep their type, for the layer to refuse."""
    return np.array(array, dtype if array.dtype.kind == "f" else None, order="C")


def to_channels_last(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Convert the canonical layout to that of Flax, and of Keras but for its depthwise kernels.

    Convolutions (O, I/groups, kh, kw) become (kh, kw, I/groups, O), linear (O, I) becomes (I, O).
    The array is one of its own.
    """
    # None reverses the axes: of a linear kernel both, of a vector the only one.
    return np.array(array.transpose((2, 3, 1, 0) if spec.kind in KERNELS else None), order="C")


def from_channels_last(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Convert the layout of `to_channels_last` to the canonical one."""
    return np.ascontiguousarray(array.transpose((3, 2, 0, 1) if spec.kind in KERNELS else None))


def to_depth_multiplier(array: np.ndarray, channels: int) -> np.ndarray:
    """Convert the canonical depthwise kernel (C*m, 1, kh, kw) to Keras' (kh, kw, C, m).

    Channel c owns the outputs c*m ... c*m + m-1, so the first axis splits into (C, m).
    """
    height, width = array.shape[2:]
    split = array.reshape(channels, -1, height, width)
    return np.ascontiguousarray(split.transpose(2, 3, 0, 1))


def from_depth_multiplier(array: np.ndarray) -> np.ndarray:
    """Convert Keras' depthwise kernel to the canonical one."""
    height, width = array.shape[:2]
    return np.ascontiguousarray(array.transpose(2, 3, 0, 1)).reshape(-1, 1, height, width)
