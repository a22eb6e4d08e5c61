"""An implementation in this process: for the suite's own checks, not for other people's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance.errors import ImplementationRaised, NotSupported
from conformance.tensors import Tensors
from conformance.worker import Worker


class Local:
    """What `conformance.process.Implementation` offers, without a process."""

    def __init__(self, name: str, build: Callable[..., Any], *, repeat: bool = False) -> None:
        self.name = name
        self.versions: dict[str, str] = {}
        self._worker = Worker(build, repeat)

    def call(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray
    ) -> np.ndarray:
        """The output for x: (N, C, H, W)."""
        return self._ask("call", architecture, config, weights, x=x)

    def taps(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray
    ) -> Tensors:
        """Named intermediate outputs for x: (N, C, H, W)."""
        return self._ask("taps", architecture, config, weights, x=x)

    def state(self, architecture: str, config: Mapping[str, Any], weights: Tensors) -> Tensors:
        """The tensors that it holds, canonical names and layout."""
        return self._ask("state", architecture, config, weights)

    def save(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, path: Path
    ) -> None:
        """Let it write the interchange file."""
        self._ask("save", architecture, config, weights, path=str(path))

    def train_step(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray,
        output_cotangent: np.ndarray,
    ) -> dict[str, Any]:  # fmt: skip
        """One training step: output, gradients, statistics afterwards."""
        cotangent = {"output_cotangent": output_cotangent}
        return self._ask("train_step", architecture, config, weights, x=x, **cotangent)

    def _ask(
        self, request: str, architecture: str, config: Any, weights: Tensors, **arguments: Any
    ) -> Any:
        description = {"architecture": architecture, "config": dict(config), "weights": weights}
        with np.errstate(all="ignore"):
            kind, value = self._worker.answer(request, description | arguments)
        if kind == "unsupported":
            raise NotSupported(value)
        if kind == "raised":
            raise ImplementationRaised(*value)
        return value
