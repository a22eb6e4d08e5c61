"""The partial derivatives of the NumPy functions that the oracle calls.

Each maps the gradient of the result to that of an argument (a vector-Jacobian product).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Partial = Callable[[np.ndarray], np.ndarray]
Partials = tuple[Partial, ...]
# Maps the result and the arguments to the partial derivatives in each argument.
Rule = Callable[..., Partials]


def summed_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of an array that was broadcast from `shape`."""
    extra = g.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + axis for axis, size in enumerate(shape) if size == 1 and g.shape[extra + axis] > 1
    )
    return summed(g, axes).reshape(shape) if axes else g


def summed(x: np.ndarray, axis: Any) -> np.ndarray:
    """Sums over axes, which stay as axes of one position.

    Sums in float32 run from the first term to the last, as TensorFlow's do: NumPy's own are
    pairwise, more accurate than others can be expected to be.
    """
    if x.dtype != np.float32:
        return x.sum(axis=axis, keepdims=True)
    axes = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis))
    terms = np.moveaxis(x, axes, range(-len(axes), 0))
    terms = terms.reshape(*terms.shape[: -len(axes)], -1)
    shape = [1 if at in axes else size for at, size in enumerate(x.shape)]
    return np.cumsum(terms, axis=-1, dtype=x.dtype)[..., -1].reshape(shape)


def _pair(first: Callable[..., Any], second: Callable[..., Any]) -> Rule:
    """The rule of a function of two arrays; both factors take the gradient, the result, a and b."""

    def rule(out: np.ndarray, a: Any, b: Any) -> Partials:
        return (
            lambda g: summed_to(first(g, out, a, b), np.shape(a)),
            lambda g: summed_to(second(g, out, a, b), np.shape(b)),
        )

    return rule


def _single(factor: Callable[..., Any]) -> Rule:
    return lambda out, x: (lambda g: g * factor(out, x),)


def _times(g: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """`g * factor`, and 0 where g is: a factor that is infinite is one that overflowed."""
    return np.multiply(g, factor, out=np.zeros_like(g), where=g != 0)


def _matmul(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> Partials:
    return (
        lambda g: summed_to(_product(g, np.swapaxes(b, -1, -2)), a.shape),
        lambda g: summed_to(_product(np.swapaxes(a, -1, -2), g), b.shape),
    )


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a @ b`, of which each sum too runs from the first term to the last: BLAS adds up blocks."""
    if a.dtype != np.float32:
        return a @ b
    # The axis that is summed comes first in memory, so that no loop of NumPy's runs along it.
    return np.einsum("j...i,j...k->...ik", *map(_first, (np.swapaxes(a, -1, -2), b)))


def _first(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(x, -2, 0))


def _no_derivative(g: np.ndarray, out: np.ndarray, a: Any, b: Any) -> np.ndarray:
    raise TypeError("an exponent that is a variable has no derivative here")


UFUNCS: Mapping[np.ufunc, Rule] = {
    np.add: _pair(lambda g, out, a, b: g, lambda g, out, a, b: g),
    np.subtract: _pair(lambda g, out, a, b: g, lambda g, out, a, b: -g),
    np.multiply: _pair(lambda g, out, a, b: g * b, lambda g, out, a, b: g * a),
    np.true_divide: _pair(lambda g, out, a, b: g / b, lambda g, out, a, b: -g * out / b),
    np.maximum: _pair(lambda g, out, a, b: g * (a > b), lambda g, out, a, b: g * (b > a)),
    np.minimum: _pair(lambda g, out, a, b: g * (a < b), lambda g, out, a, b: g * (b < a)),
    np.power: _pair(lambda g, out, a, b: g * b * a ** (b - 1), _no_derivative),
    np.square: _single(lambda out, x: 2 * x),
    np.negative: _single(lambda out, x: -1),
    np.exp: lambda out, x: (lambda g: _times(g, out),),
    np.sqrt: _single(lambda out, x: 0.5 / out),
    np.matmul: _matmul,
}


def _concatenate(
    value: Callable[[Any], Any], arrays: Sequence[Any], axis: int = 0
) -> tuple[Sequence[Any], list[Any], list[Partial]]:
    values = [value(each) for each in arrays]
    ends = np.cumsum([each.shape[axis] for each in values])
    ranges = [range(end - each.shape[axis], end) for each, end in zip(values, ends, strict=True)]
    return arrays, [values], [_taker(own, axis) for own in ranges]


def _taker(positions: Sequence[int], axis: int) -> Partial:
    return lambda g: g.take(positions, axis)


def _pad(
    value: Callable[[Any], Any], array: Any, widths: Sequence[tuple[int, int]]
) -> tuple[list[Any], list[Any], list[Partial]]:
    inner = value(array)
    at = tuple(
        slice(before, before + size) for (before, _), size in zip(widths, inner.shape, strict=True)
    )
    return [array], [inner, widths], [lambda g: g[at]]


# Each maps a function that takes a variable's array, and the arguments, to the arrays among the
# arguments, the arguments with plain arrays, and the partial derivative in each array.
FUNCTIONS: Mapping[Any, Callable[..., Any]] = {np.concatenate: _concatenate, np.pad: _pad}
