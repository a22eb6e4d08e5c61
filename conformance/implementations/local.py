"""An implementation in this process: for the suite's own checks, not for other people's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conformance.implementations.errors import REFUSALS
from conformance.implementations.implementation import Implementation
from conformance.implementations.worker import Worker


class LocalImplementation(Implementation):
    """An implementation in this process, built by the function `build`.

    With `repeat` every output is computed twice. Nobody watches what it imports: the suite's own
    mutants are the oracle with a defect.
    """

    def __init__(self, name: str, build: Callable[..., Any], *, repeat: bool = False) -> None:
        super().__init__(name)
        self._worker = Worker(build, repeat)

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            kind, value = self._worker.handle(request, arguments)
        if kind in REFUSALS:
            raise REFUSALS[kind](*value)
        return value
