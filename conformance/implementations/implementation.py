"""The requests of a tier to an implementation, wherever that runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases.model import Model, complete
from conformance.cases.tensors import Tensors
from conformance.implementations.precision import Precision
from weights.columns.replicas import ReplicaRun

# A use of an object, `call`, `train_step`, `load` or `refuse`, and its arguments.
Use = tuple[str, Mapping[str, Any]]


class Implementation(ABC):
    """An implementation under test.

    Every request raises `NotSupported` where the implementation refuses it, and a subclass of
    `ImplementationError` where it gives no result. `violations` lists what it did that an
    implementation must not do.
    """

    def __init__(self, name: str, *, is_ours: bool = False) -> None:
        self.name = name
        self.is_ours = is_ours
        self.versions: dict[str, str] = {}
        self.precision = Precision()
        self.violations: tuple[str, ...] = ()

    @contextmanager
    def time_limit(self) -> Iterator[None]:
        """Limit the time of all requests of a case together."""
        yield

    def call(self, model: Model, x: np.ndarray) -> np.ndarray:
        """The output for x: (N, C, H, W)."""
        return self._ask("call", model, x=x)

    def taps(self, model: Model, x: np.ndarray) -> Tensors:
        """The output of every stage, by its name, for x: (N, C, H, W)."""
        return self._ask("taps", model, x=x)

    def state(self, model: Model) -> Tensors:
        """The tensors that the module holds, by canonical name and in canonical layout."""
        return self._ask("state", model)

    def save(self, model: Model, path: Path) -> None:
        """Write the interchange file of the model to `path`."""
        self._ask("save", model, path=str(path))

    def resave(self, model: Model, source: Path, path: Path) -> None:
        """Load the interchange file `source` over the weights, and write it again to `path`."""
        self._ask("resave", model, source=str(source), path=str(path))

    def train_step(
        self, model: Model, x: np.ndarray, output_cotangent: np.ndarray
    ) -> dict[str, Any]:
        """Output, gradients and statistics of a training step on x: (N, C, H, W).

        `output_cotangent` has the shape of the output.
        """
        return self._ask("train_step", model, x=x, output_cotangent=output_cotangent)

    def train_on_replicas(self, model: Model, run: ReplicaRun) -> list[dict[str, Any]]:
        """Output, gradients and all tensors afterwards of every step that replicas take."""
        return self._ask("train_on_replicas", model, **vars(run))

    def in_turn(self, model: Model, uses: Sequence[Use]) -> list[Any]:
        """The results of these uses of one object, in their order."""
        return self._ask("in_turn", model, uses=uses)

    def _ask(self, request: str, model: Model, **arguments: Any) -> Any:
        return self._request(request, complete(model)._asdict() | arguments)

    @abstractmethod
    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any: ...


class ManagedImplementation(Implementation):
    """An implementation that a run starts somewhere, and ends."""

    start_seconds: float = 0.0

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it is imported."""

    @abstractmethod
    def seconds(self) -> tuple[float, float]:
        """Seconds of all its outputs: computed first, and repeated."""

    @abstractmethod
    def kill(self) -> None:
        """End it in the middle of a request; it does not start again."""

    @abstractmethod
    def close(self) -> None:
        """End it."""
