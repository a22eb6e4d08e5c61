"""GhostConv in exact rational arithmetic, from its definition, by nested loops.

It shares no line with the oracle: what the two agree on, they agree on independently.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import isqrt
from typing import Any

import numpy as np

Map = dict[tuple[int, int, int, int], Fraction]


def ghost_conv(config: dict[str, Any], weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Output (N, c_out, H, W) as an array of fractions; arguments as pairs, relu or identity."""
    weights = {name: _rational(array) for name, array in weights.items()}
    primary, shape = convolve(
        _rational(x),
        weights["primary_conv.0.weight"],
        config["stride"],
        config["padding"],
        config["dilation"],
        config["groups"],
    )
    primary = normalise(primary, shape, weights, "primary_conv.1", config)
    both = [primary]
    if "cheap_conv.0.weight" in weights:
        kernel = weights["cheap_conv.0.weight"]
        rate = config.get("dw_dilation", 1)
        sizes = (rate * (kernel.shape[2] // 2), rate * (kernel.shape[3] // 2)), (rate, rate)
        cheap, cheap_shape = convolve(primary, kernel, (1, 1), *sizes, primary.shape[1])
        both.append(normalise(cheap, cheap_shape, weights, "cheap_conv.1", config))
    return np.concatenate(both, axis=1)[:, : config["c_out"]]


def convolve(
    x: np.ndarray,
    kernel: np.ndarray,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> tuple[np.ndarray, tuple[int, ...]]:
    """The sum over channels and kernel positions, one output element at a time."""
    batch, _, height, width = x.shape
    c_out, c_group, k_rows, k_columns = kernel.shape
    rows = (height + 2 * padding[0] - dilation[0] * (k_rows - 1) - 1) // stride[0] + 1
    columns = (width + 2 * padding[1] - dilation[1] * (k_columns - 1) - 1) // stride[1] + 1
    out = np.empty((batch, c_out, rows, columns), object)
    for n, o, i, j in product(range(batch), range(c_out), range(rows), range(columns)):
        first = o // (c_out // groups) * c_group
        total = Fraction(0)
        for c, a, b in product(range(c_group), range(k_rows), range(k_columns)):
            row = i * stride[0] + a * dilation[0] - padding[0]
            column = j * stride[1] + b * dilation[1] - padding[1]
            if 0 <= row < height and 0 <= column < width:
                total += kernel[o, c, a, b] * x[n, first + c, row, column]
        out[n, o, i, j] = total
    return out, out.shape


def normalise(
    x: np.ndarray,
    shape: tuple[int, ...],
    weights: dict[str, np.ndarray],
    prefix: str,
    config: dict[str, Any],
) -> np.ndarray:
    """Batch normalisation and activation; var + eps must be the square of a rational."""
    out = np.empty(shape, object)
    for n, c, i, j in product(*map(range, shape)):
        deviation = square_root(weights[f"{prefix}.running_var"][c] + Fraction(config["bn_eps"]))
        centred = x[n, c, i, j] - weights[f"{prefix}.running_mean"][c]
        scaled = centred / deviation * weights[f"{prefix}.weight"][c]
        value = scaled + weights[f"{prefix}.bias"][c]
        out[n, c, i, j] = max(value, Fraction(0)) if config["activation"] == "relu" else value
    return out


def square_root(value: Fraction) -> Fraction:
    """The exact root of a rational square."""
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    if root * root != value:
        raise ArithmeticError(f"{value} is not the square of a rational")
    return root


def _rational(array: np.ndarray) -> np.ndarray:
    return np.vectorize(Fraction, otypes=[object])(array.astype(object))
