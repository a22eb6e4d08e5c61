"""What an implementation returned, as plain arrays by plain names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.implementations.errors import NAME_LIMIT, safe_str

NUMBERS = "biuf"


def array(value: Any) -> np.ndarray:
    """A copy that is no subclass; raises `TypeError` where it does not hold numbers."""
    found = np.array(value)
    if found.dtype.kind in NUMBERS or found.dtype.type.__module__ == "ml_dtypes":
        return found
    kind = type(value).__name__ if found.dtype == object else f"an array of {found.dtype.name}"
    raise TypeError(f"the result must be an array of numbers, got {kind}")


def arrays(values: Any) -> dict[str, np.ndarray]:
    """The same of a mapping from names to arrays."""
    if not isinstance(values, Mapping):
        raise TypeError(f"the result must map names to arrays, got {type(values).__name__}")
    return {name_of(name): array(value) for name, value in values.items()}


def name_of(key: object) -> str:
    """A key as a name."""
    return safe_str(key, NAME_LIMIT)
