"""Both halves of a deployed GhostConv, 1x1 and 3x3, in one Triton kernel.

A program computes the primary half of a tile of pixels and of one pixel around it, writes it, and
reads it again, from the caches, for the ghosts of the tile: neither a map nor the concatenation
of two goes through memory once more.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor, nn

# Pixels of a tile with those around it, and channels of a program, from large to small.
PIXELS, CHANNELS = (256, 128, 64), (64, 32, 16)
# Programs that a multiprocessor runs at a time, as far as the choice of a tile counts them.
RESIDENT = 2
ACTIVATIONS: dict[type, str] = {
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.SiLU: "silu", nn.Hardswish: "hard_swish",
    nn.LeakyReLU: "leaky_relu", nn.Identity: "identity",
}  # fmt: skip


@triton.jit
def _activated(x, act: tl.constexpr, slope: tl.constexpr):
    if act == "relu":
        x = tl.where(x < 0, 0.0, x)
    elif act == "relu6":
        x = tl.where(x < 0, 0.0, tl.where(x > 6, 6.0, x))
    elif act == "silu":
        x = x / (1 + tl.exp(-x))
    elif act == "hard_swish":
        x = x * (tl.where(x < -3, 0.0, tl.where(x > 3, 6.0, x + 3)) / 6)
    elif act == "leaky_relu":
        x = tl.where(x < 0, x * slope, x)
    return x


@triton.jit
def _kernel(
    x, weight, bias, taps, tap_bias, out, height, width, across, down, weight_row, weight_column,
    tap_channel, tap_row, tap_column, c_in: tl.constexpr, c_int: tl.constexpr,
    ghosts: tl.constexpr, act: tl.constexpr, slope: tl.constexpr, ghost_act: tl.constexpr,
    ghost_slope: tl.constexpr, rows: tl.constexpr, columns: tl.constexpr, pixels: tl.constexpr,
    channels: tl.constexpr, depth: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    blocks: tl.constexpr = (c_int + channels - 1) // channels
    tile = tl.program_id(0) // blocks
    n = tl.program_id(0) % blocks * channels + tl.arange(0, channels)
    m, k = tl.arange(0, pixels), tl.arange(0, depth)
    # Of the tile, then of the image: the tile begins in the second row and the second column.
    i, j = m // (columns + 2), m % (columns + 2)
    row, column = tile // across % down * rows + i - 1, tile % across * columns + j - 1
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (i < rows + 2)
    pixel = (tile // (across * down)).to(tl.int64) * height * width + row * width + column

    total = tl.zeros((pixels, channels), tl.float32)
    for start in range(0, c_in, depth):
        here = start + k
        a_mask = inside[:, None] & (here < c_in)[None, :]
        b_mask = (here < c_in)[:, None] & (n < c_int)[None, :]
        a = tl.load(x + pixel[:, None] * c_in + here[None, :], mask=a_mask, other=0.0)
        b_at = weight + n[None, :] * weight_row + here[:, None] * weight_column
        total = tl.dot(a, tl.load(b_at, mask=b_mask, other=0.0), total, input_precision=precision)
    total += tl.load(bias + n, mask=n < c_int, other=0.0).to(tl.float32)[None, :]
    primary = _activated(total, act, slope).to(out.dtype.element_ty)
    place = out + pixel[:, None] * (c_int + ghosts) + n[None, :]
    # A neighbour writes some of these too: the same values.
    tl.store(place, primary, mask=inside[:, None] & (n < c_int)[None, :])
    tl.debug_barrier()

    core = inside & (i > 0) & (i <= rows) & (j > 0) & (j <= columns)
    mask = core[:, None] & (n < ghosts)[None, :]
    first = tl.load(tap_bias + n, mask=n < ghosts, other=0.0).to(tl.float32)
    total = tl.zeros((pixels, channels), tl.float32) + first[None, :]
    for y in tl.static_range(-1, 2):
        for z in tl.static_range(-1, 2):
            r, c = row + y, column + z
            there = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            at = place + (y * width + z) * (c_int + ghosts)
            value = tl.load(at, mask=mask & there[:, None], other=0.0)
            tap_at = taps + n * tap_channel + (y + 1) * tap_row + (z + 1) * tap_column
            tap = tl.load(tap_at, mask=n < ghosts, other=0.0).to(tl.float32)
            total += value.to(tl.float32) * tap[None, :]
    made = _activated(total, ghost_act, ghost_slope).to(out.dtype.element_ty)
    tl.store(place + c_int, made, mask=mask)


def pair(layer: Any, x: Tensor) -> Tensor:
    """What a deployed GhostConv of a 1x1 and a depthwise 3x3 convolution gives, in one kernel.

    Shapes: x: (N, c_in, H, W), channels last, to (N, c_out, H, W).
    """
    (first, _, act), (second, _, other) = layer.primary_conv, layer.cheap_conv
    (batch, c_in, height, width), c_int = x.shape, first.out_channels
    shape, ghosts = (batch, layer.c_out, height, width), layer.c_out - c_int
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    multiprocessors = torch.cuda.get_device_properties(x.device).multi_processor_count
    rows, columns, pixels, channels = _sizes(batch, height, width, c_int, multiprocessors)
    across, down = _parts(width, columns), _parts(height, rows)
    is_exact = x.dtype == torch.float32 and not torch.backends.cudnn.allow_tf32
    weight, taps = first.weight, second.weight
    _kernel[(batch * across * down * _parts(c_int, channels),)](
        x, weight, first.bias, taps, second.bias, out, height, width, across, down,
        weight.stride(0), weight.stride(1), taps.stride(0), taps.stride(2), taps.stride(3),
        c_in, c_int, ghosts, *_named(act), *_named(other), rows, columns, pixels, channels,
        32 if c_in > 16 else 16, "ieee" if is_exact else "tf32",
        num_warps=8 if pixels * channels >= 2**14 else 4,
    )  # fmt: skip
    return out


def _named(act: Any) -> tuple[str, float]:
    """The name of an activation, and its slope below zero."""
    return ACTIVATIONS[type(act)], float(getattr(act, "negative_slope", 0.0))


def _sizes(
    batch: int, height: int, width: int, c_int: int, multiprocessors: int
) -> tuple[int, int, int, int]:
    """Rows and columns of a tile, its pixels, and channels of a program, for the least time."""

    def time(sizes: tuple[int, int, int, int]) -> float:
        rows, columns, pixels, channels = sizes
        tiles = batch * _parts(height, rows) * _parts(width, columns)
        programs = tiles * _parts(c_int, channels)
        # An input's channels are read once for each block of channels: some more work.
        return max(1.0, programs / (RESIDENT * multiprocessors)) * pixels * (channels + 16)

    tiles = ((*_tile(height, width, pixels), pixels) for pixels in PIXELS)
    return min(((*tile, channels) for tile, channels in product(tiles, CHANNELS)), key=time)


def _tile(height: int, width: int, pixels: int) -> tuple[int, int]:
    """The rows and columns that need the fewest tiles of so many pixels, those around included."""
    sides = [(rows, pixels // (rows + 2) - 2) for rows in range(1, pixels // 3 - 1)]
    return min(sides, key=lambda side: _parts(height, side[0]) * _parts(width, side[1]))


def _parts(whole: int, size: int) -> int:
    return -(-whole // size)
