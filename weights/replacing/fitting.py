"""Least squares: the GhostConv that computes most nearly what a convolution computes.

Channel i of the convolution stays channel i. A primary channel and the ghosts made of it depend on
no others, so that each such group is fitted alone. What is fitted are maps: the convolution's
outputs on a batch, or, without one, its answers to a single 1 at each input, of which the least
squares are those for inputs of white noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import sqrt

import numpy as np

from weights.arithmetic import same_padding
from weights.modules.ghost_conv import GhostConvConfig
from weights.replacing.groups import Activate, Group, Half


@dataclass(frozen=True)
class Fit:
    """The tensors of a GhostConv by canonical name, and the part of the outputs that it misses."""

    tensors: dict[str, np.ndarray]
    error: float


def fit(
    config: GhostConvConfig,
    kernel: np.ndarray,
    bias: np.ndarray,
    wanted: np.ndarray | None = None,
    made: np.ndarray | None = None,
    activate: Activate | None = None,
    means: np.ndarray | None = None,
) -> Fit:
    """The GhostConv of that configuration, for a convolution without groups.

    Args:
        config: the GhostConv.
        kernel: (c_out, c_in, kh, kw), of the convolution, in float64.
        bias: (c_out,), likewise.
        wanted: (c_out, N, H, W), the outputs; without, those for white noise.
        made: (c_out, N, H, W), what the convolution makes of the GhostConv's inputs, where those
            are not its own.
        activate: the activation, but for the identity; white noise knows none. Its primary filters
            are the convolution's own.
        means: (c_out,), of the outputs on what the convolution was trained for, where they are
            known and `wanted` is not given; without, those for white noise.
    """
    is_noise = wanted is None
    wanted = answers(config, kernel) if wanted is None else wanted
    made = wanted if made is None else made
    split = config.channels
    cropped = split.c_int + split.c_cheap - config.c_out
    means = bias if means is None else means
    wanted, made, kernel, bias, means = (
        _with_zeros(each, cropped) for each in (wanted, made, kernel, bias, means)
    )
    halves, residue = [], 0.0
    for index in range(split.c_int):
        first = split.c_int + index * split.multiplier
        members = [index, *range(first, first + split.multiplier)]
        maps = wanted[members], made[members]
        group = Group(*maps, config.dw_kernel_size, is_noise, None if is_noise else activate)
        filters = group.filters()
        residue += filters.residue
        halves.append(group.halves(filters, kernel[members], bias[members], means[members]))
    primary, cheap = (_joined(each) for each in zip(*halves, strict=True))
    tensors = primary.tensors("primary_conv", config.bn_eps)
    tensors |= cheap.tensors("cheap_conv", config.bn_eps)
    return Fit(tensors, sqrt(residue / (np.sum(wanted**2) or 1.0)))


def answers(config: GhostConvConfig, kernel: np.ndarray) -> np.ndarray:
    """Maps (c_out, N, H, W) of a 1 at one place of one input channel, for all that differ.

    The places within a stride differ. Around the kernel's taps there is room for the cheap one's.

    >>> answers(GhostConvConfig(1, 4, 2, stride=2, dw_kernel_size=1), np.ones((4, 1, 2, 2))).shape
    (4, 4, 1, 1)
    """
    margin = same_padding(config.dw_kernel_size)
    axes = list(zip(config.kernel_size, config.stride, config.dilation, strict=True))
    rows, columns = (
        [divmod(tap * step, stride) for tap in range(size)] for size, stride, step in axes
    )
    shape = [kernel.shape[0], kernel.shape[1], *config.stride]
    shape += [places[-1][0] + 1 + 2 * margin for places in (rows, columns)]
    maps = np.zeros(shape)
    for row, (down, phase_down) in enumerate(rows):
        for column, (right, phase_right) in enumerate(columns):
            place = (
                phase_down,
                phase_right,
                margin + rows[-1][0] - down,
                margin + columns[-1][0] - right,
            )
            maps[:, :, *place] = kernel[:, :, row, column]
    return maps.reshape(len(kernel), -1, *shape[-2:])


def _with_zeros(array: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((count, *array.shape[1:]))])


def _joined(halves: Sequence[Half]) -> Half:
    names = [field.name for field in fields(Half)]
    return Half(*(np.concatenate([getattr(half, name) for half in halves]) for name in names))
