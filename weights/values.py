"""Numbers that no trained module has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from weights.tensors import RUNNING_VAR, TensorSpec


def value_problems(specs: Iterable[TensorSpec], tensors: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Every tensor with a number that is not finite, or with a variance below 0."""
    for spec in specs:
        array = tensors[spec.name]
        with np.errstate(invalid="ignore"):  # bfloat16 of NaN
            infinite, negative = ~np.isfinite(array), array < 0
        yield from _problem(spec.name, array, infinite, "not finite")
        if spec.kind == RUNNING_VAR:
            yield from _problem(spec.name, array, negative, "a negative variance")


def _problem(name: str, array: np.ndarray, wrong: np.ndarray, what: str) -> Iterator[str]:
    if wrong.any():
        first = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        index = ", ".join(map(str, first))
        yield (
            f"tensor '{name}' has {array[first]} at [{index}], which is {what} "
            f"({int(wrong.sum())} such in {array.size} values)"
        )
