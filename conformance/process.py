"""The parent's handle of one implementation, which runs in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance import worker
from conformance.errors import (
    ImplementationRaised,
    NotSupported,
    ProcessDied,
    TimedOut,
    printable,
)
from conformance.implementations import OURS
from conformance.tensors import Tensors

REQUEST_SECONDS = 120.0
START_SECONDS = 300.0
LAST_WORDS = 2000


class Implementation:
    """An implementation in a child process, started anew when it dies or hangs.

    Every request raises `NotSupported` where the implementation refuses it, and a subclass of
    `ImplementationError` where it gives no result.
    """

    def __init__(
        self, name: str, seconds: float = REQUEST_SECONDS, *, repeat: bool = False
    ) -> None:
        self.name = name
        self.is_ours = name in OURS
        self.versions: dict[str, str] = {}
        self._seconds = seconds
        self._repeat = repeat
        self._folder = tempfile.TemporaryDirectory(prefix="ghost-conformance-")
        self._log = Path(self._folder.name, "output")
        self._process: Any = None
        self._connection: Any = None

    def start(self) -> None:
        """Start the child and wait until it has imported the implementation."""
        self._log.write_bytes(b"")
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, self.name, str(self._log), self._repeat)
        self._process = context.Process(target=worker.main, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.versions = self._reply(START_SECONDS)
        except (ImplementationRaised, NotSupported):
            self._stop()  # it has hung up, the next request must not ask it
            raise

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

    def resave(
        self,
        architecture: str,
        config: Mapping[str, Any],
        weights: Tensors,
        source: Path,
        path: Path,
    ) -> None:
        """Let it load the file `source` over `weights`, and write `path`."""
        self._ask("resave", architecture, config, weights, source=str(source), path=str(path))

    def train_step(
        self,
        architecture: str,
        config: Mapping[str, Any],
        weights: Tensors,
        x: np.ndarray,
        output_cotangent: np.ndarray,
    ) -> dict[str, Any]:
        """One training step: output, gradients, statistics afterwards."""
        cotangent = {"output_cotangent": output_cotangent}
        return self._ask("train_step", architecture, config, weights, x=x, **cotangent)

    def seconds(self) -> tuple[float, float]:
        """What its outputs took since it started: the first time, and when repeated."""
        if self._process is None:
            return 0.0, 0.0
        return self._request("seconds", {})

    def kill(self) -> None:
        """End the child in the middle of a request, which raises `ProcessDied` in its thread."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child."""
        self._stop()
        self._folder.cleanup()

    def _ask(
        self, request: str, architecture: str, config: Any, weights: Tensors, **arguments: Any
    ) -> Any:
        if self._process is None:
            self.start()
        description = {"architecture": architecture, "config": dict(config), "weights": weights}
        return self._request(request, description | arguments)

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        try:
            self._connection.send((request, arguments))
        except OSError:
            raise self._died() from None
        return self._reply(self._seconds)

    def _reply(self, seconds: float) -> Any:
        try:
            if not self._connection.poll(seconds):
                self._stop()
                raise TimedOut(seconds)
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if kind == "unsupported":
            raise NotSupported(value)
        if kind == "raised":
            raise ImplementationRaised(*value)
        return value

    def _died(self) -> ProcessDied:
        self._process.join(10)
        code = self._process.exitcode
        words = self._log.read_bytes()[-LAST_WORDS:].decode(errors="replace").strip()
        self._stop()
        return ProcessDied(code, printable(words) or "(none)")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            self._connection.close()
        process.join(1)
        if process.is_alive():
            process.kill()
            process.join()
