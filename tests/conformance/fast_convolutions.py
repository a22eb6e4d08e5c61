"""Winograd and Fourier convolutions in float32, to see what the suite says of them.

Each is an implementation, `tests.conformance.fast_convolutions:winograd_4` say. What Winograd does
not do (another kernel than 3x3, a stride, a dilation) is computed directly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from conformance import NotSupported
from tests.conformance import plain

# Of the input, the kernel and the output: Lavin and Gray, Fast Algorithms for Convolutional Neural
# Networks, CVPR 2016, section 4.
TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}  # fmt: skip


def winograd(
    size: int, x: np.ndarray, weight: np.ndarray, padding: plain.Padding, stride: Any,
    dilation: Any, groups: int,
) -> np.ndarray:  # fmt: skip
    """F(size x size, 3 x 3): tiles of the output from products in the transformed space."""
    if weight.shape[2:] != (3, 3) or stride != (1, 1) or dilation != (1, 1):
        return plain.convolve(x, weight, padding, stride, dilation, groups)
    of_input, of_kernel, of_output = (np.array(m, x.dtype) for m in TRANSFORMS[size])
    height, width = (n + sum(pads) - 2 for n, pads in zip(x.shape[2:], padding, strict=True))
    down, right = (-height % size, -width % size)
    (top, bottom), (left, end) = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom + down), (left, end + right)))
    tiles = sliding_window_view(x, (size + 2, size + 2), axis=(2, 3))[:, :, ::size, ::size]
    tiles = of_input @ tiles @ of_input.T
    tiles = tiles.reshape(len(x), groups, -1, *tiles.shape[2:])
    kernels = of_kernel @ weight @ of_kernel.T
    kernels = kernels.reshape(groups, -1, *kernels.shape[1:])
    products = np.einsum("ngcijab,gocab->ngoijab", tiles, kernels)
    out = of_output @ products @ of_output.T
    n, g, o, rows, columns = out.shape[:5]
    out = out.transpose(0, 1, 2, 3, 5, 4, 6).reshape(n, g * o, rows * size, columns * size)
    return out[:, :, :height, :width]


def fourier(
    x: np.ndarray, weight: np.ndarray, padding: plain.Padding, stride: Any, dilation: Any,
    groups: int,
) -> np.ndarray:  # fmt: skip
    """Products of Fourier transforms of whole maps, in float32."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    spread = np.zeros((*weight.shape[:2], *covered(weight, dilation)), weight.dtype)
    spread[:, :, :: dilation[0], :: dilation[1]] = weight
    sizes = x.shape[2:]
    maps = np.fft.rfft2(x).reshape(len(x), groups, -1, sizes[0], sizes[1] // 2 + 1)
    kernels = np.conj(np.fft.rfft2(spread, sizes))
    kernels = kernels.reshape(groups, -1, *kernels.shape[1:])
    out = np.fft.irfft2(np.einsum("ngcab,gocab->ngoab", maps, kernels), sizes)
    valid = [size - span + 1 for size, span in zip(sizes, spread.shape[2:], strict=True)]
    out = out.reshape(len(x), -1, *sizes)[:, :, : valid[0], : valid[1]]
    return out[:, :, :: stride[0], :: stride[1]]


def covered(weight: np.ndarray, dilation: Any) -> tuple[int, int]:
    """Rows and columns that a dilated kernel covers."""
    height, width = (
        (size - 1) * rate + 1 for size, rate in zip(weight.shape[2:], dilation, strict=True)
    )
    return height, width


class Layer(plain.GhostConv):
    """The plain layer with another convolution."""

    def __init__(self, convolve: Callable[..., np.ndarray], *arguments: Any) -> None:
        super().__init__(*arguments)
        self.convolve = convolve


def _build(convolve: Callable[..., np.ndarray]) -> Callable[..., Layer]:
    def build(architecture: str, config: Mapping[str, Any], weights: Any) -> Layer:
        if architecture != "ghost_conv":
            raise NotSupported("it is a layer, not a network")
        return Layer(convolve, config, weights)

    return build


direct = _build(plain.convolve)
winograd_2, winograd_4 = _build(partial(winograd, 2)), _build(partial(winograd, 4))
fourier_transformed = _build(fourier)
