"""Plain arrays by plain names, made of whatever an implementation returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.implementations.errors import NAME_LIMIT, safe_str

NUMERIC_KINDS = "biuf"


def as_array(value: Any) -> np.ndarray:
    """A copy that is no subclass; raises `TypeError` where it does not hold numbers."""
    found = np.array(value)
    if found.dtype.kind in NUMERIC_KINDS or found.dtype.type.__module__ == "ml_dtypes":
        return found
    kind = type(value).__name__ if found.dtype == object else f"an array of {found.dtype.name}"
    raise TypeError(f"the result must be an array of numbers, got {kind}")


def as_arrays(values: Any) -> dict[str, np.ndarray]:
    """Copies of the arrays of a mapping; raises `TypeError` for anything else."""
    if not isinstance(values, Mapping):
        raise TypeError(f"the result must map names to arrays, got {type(values).__name__}")
    return {as_name(name): as_array(value) for name, value in values.items()}


def as_name(key: object) -> str:
    """The printable name, of limited length, that a key stands for."""
    return safe_str(key, NAME_LIMIT)
