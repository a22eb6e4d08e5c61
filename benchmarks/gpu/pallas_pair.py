"""The kernel of `triton_pair` in Pallas: its Triton backend, which JAX has deprecated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas
from jax.experimental.pallas import triton as plgpu

# Rows and columns of a tile, and its pixels with those around it; channels of a program.
ROWS, COLUMNS, PIXELS = 14, 14, 256
CHANNELS = DEPTH = 32
Act = Callable[[jax.Array], jax.Array]


def pair(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, taps: jax.Array, tap_bias: jax.Array, act: Act
) -> jax.Array:
    """A 1x1 convolution, a depthwise 3x3 one of its output, both activated, one after the other.

    Shapes: x: (N, H, W, C), kernel: (C, c_int), taps: (9, c_int) to (N, H, W, 2 * c_int).
    """
    batch, height, width, c_in = x.shape
    c_int = kernel.shape[1]
    down, across = pallas.cdiv(height, ROWS), pallas.cdiv(width, COLUMNS)

    def program(x_ref: Any, kernel_ref: Any, bias_ref: Any, taps_ref: Any, tap_bias_ref: Any,
                out_ref: Any) -> None:  # fmt: skip
        tile, m = pallas.program_id(0), jnp.arange(PIXELS)
        n = pallas.program_id(1) * CHANNELS + jnp.arange(CHANNELS)
        # Of the tile, then of the image: the tile begins in the second row and column.
        i, j = m // (COLUMNS + 2), m % (COLUMNS + 2)
        row, column = tile // across % down * ROWS + i - 1, tile % across * COLUMNS + j - 1
        inside = _within(row, height) & _within(column, width) & (i < ROWS + 2)
        first = tile // (down * across) * height * width
        beyond = batch * height * width  # of which the masks let nothing be read
        place = jnp.where(inside, first + row * width + column, beyond + m)[:, None]
        kept = n < c_int

        def add(step: Any, total: jax.Array) -> jax.Array:
            k = step * DEPTH + jnp.arange(DEPTH)
            a = _load(x_ref.at[place, k[None, :]], inside[:, None] & (k < c_in)[None, :])
            b = _load(kernel_ref.at[k[:, None], n[None, :]], (k < c_in)[:, None] & kept[None, :])
            exact = jax.lax.Precision.HIGHEST if x.dtype == jnp.float32 else None
            return total + plgpu.dot(a, b, precision=exact).astype(jnp.float32)

        total = jnp.zeros((PIXELS, CHANNELS), jnp.float32)
        total = jax.lax.fori_loop(0, pallas.cdiv(c_in, DEPTH), add, total)
        total += _load(bias_ref.at[n], kept).astype(jnp.float32)[None, :]
        mask = inside[:, None] & kept[None, :]
        plgpu.store(out_ref.at[place, n[None, :]], act(total).astype(x.dtype), mask=mask)
        plgpu.debug_barrier()

        core = inside & (i > 0) & (i <= ROWS) & (j > 0) & (j <= COLUMNS)
        total = jnp.zeros((PIXELS, CHANNELS), jnp.float32)
        total += _load(tap_bias_ref.at[n], kept).astype(jnp.float32)[None, :]
        for tap in range(9):
            y, z = row + tap // 3 - 1, column + tap % 3 - 1
            there = core & _within(y, height) & _within(z, width)
            at = jnp.where(there, first + y * width + z, beyond)[:, None]
            value = _load(out_ref.at[at, n[None, :]], there[:, None] & kept[None, :])
            weight = _load(taps_ref.at[jnp.full_like(n, tap), n], kept)
            total += value.astype(jnp.float32) * weight.astype(jnp.float32)[None, :]
        mask = core[:, None] & kept[None, :]
        plgpu.store(out_ref.at[place, c_int + n[None, :]], act(total).astype(x.dtype), mask=mask)

    flat = pallas.pallas_call(
        program,
        out_shape=jax.ShapeDtypeStruct((batch * height * width, 2 * c_int), x.dtype),
        grid=(batch * down * across, pallas.cdiv(c_int, CHANNELS)),
        compiler_params=plgpu.CompilerParams(num_warps=4, num_stages=2),
    )(x.reshape(-1, c_in), kernel, bias, taps, tap_bias)
    return flat.reshape(batch, height, width, 2 * c_int)


def _within(place: jax.Array, size: int) -> jax.Array:
    return (place >= 0) & (place < size)


def _load(ref: Any, mask: jax.Array) -> jax.Array:
    return plgpu.load(ref, mask=mask, other=0)
