"""Checks of values: numbers that no trained module has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from weights.tensors import RUNNING_VAR, TensorSpec


def value_problems(specs: Iterable[TensorSpec], tensors: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield a problem for every tensor with a number that is not finite or a variance below 0."""
    for spec in specs:
        array = tensors[spec.name]
        with np.errstate(invalid="ignore"):  # bfloat16 of NaN
            finite = np.isfinite(array)
            negative = array < 0 if spec.kind == RUNNING_VAR else None
        if not finite.all():
            yield _problem(spec.name, array, ~finite, "not finite")
        if negative is not None and negative.any():
            yield _problem(spec.name, array, negative, "a negative variance")


def _problem(name: str, array: np.ndarray, wrong: np.ndarray, what: str) -> str:
    first = tuple(int(axis[0]) for axis in np.nonzero(wrong))
    index = ", ".join(map(str, first))
    return (
        f"tensor '{name}' has {array[first]} at [{index}], which is {what} "
        f"({int(wrong.sum())} such in {array.size} values)"
    )
