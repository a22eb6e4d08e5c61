"""The requests of a tier to an implementation, wherever that runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.implementations.precision import Precision


class Implementation(ABC):
    """An implementation under test.

    A request names an architecture, its configuration and its weights by canonical name. It raises
    `NotSupported` where the implementation refuses it, and a subclass of `ImplementationError`
    where it gives no result. `violations` lists what it did that an implementation must not do.
    """

    def __init__(self, name: str, *, is_ours: bool = False) -> None:
        self.name = name
        self.is_ours = is_ours
        self.versions: dict[str, str] = {}
        self.precision = Precision()
        self.violations: tuple[str, ...] = ()

    @contextmanager
    def one_case(self) -> Iterator[None]:
        """Limit the time of all requests of a case together."""
        yield

    def call(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray
    ) -> np.ndarray:
        """The output for x: (N, C, H, W)."""
        return self._ask("call", architecture, config, weights, x=x)

    def taps(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray
    ) -> Tensors:
        """The output of every stage, by its name, for x: (N, C, H, W)."""
        return self._ask("taps", architecture, config, weights, x=x)

    def state(self, architecture: str, config: Mapping[str, Any], weights: Tensors) -> Tensors:
        """The tensors that the module holds, by canonical name and in canonical layout."""
        return self._ask("state", architecture, config, weights)

    def save(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, path: Path
    ) -> None:
        """Write the interchange file of the module to `path`."""
        self._ask("save", architecture, config, weights, path=str(path))

    def resave(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, source: Path,
        path: Path,
    ) -> None:  # fmt: skip
        """Load the interchange file `source` over `weights`, and write it again to `path`."""
        self._ask("resave", architecture, config, weights, source=str(source), path=str(path))

    def train_step(
        self, architecture: str, config: Mapping[str, Any], weights: Tensors, x: np.ndarray,
        output_cotangent: np.ndarray,
    ) -> dict[str, Any]:  # fmt: skip
        """Output, gradients and statistics of a training step on x: (N, C, H, W).

        `output_cotangent` has the shape of the output.
        """
        cotangent = {"output_cotangent": output_cotangent}
        return self._ask("train_step", architecture, config, weights, x=x, **cotangent)

    def _ask(
        self, request: str, architecture: str, config: Any, weights: Tensors, **arguments: Any
    ) -> Any:
        description = {"architecture": architecture, "config": dict(config), "weights": weights}
        return self._request(request, description | arguments)

    @abstractmethod
    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any: ...
