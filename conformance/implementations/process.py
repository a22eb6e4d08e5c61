"""The parent's handle of one implementation, which runs in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import IO, Any

import numpy as np

from conformance.implementations.channel import Channel
from conformance.implementations.errors import (
    REFUSALS,
    ImplementationRaised,
    NoReply,
    NotSupported,
    ProcessDied,
    TimedOut,
    safe_str,
    shorten,
)
from conformance.implementations.implementation import ManagedImplementation
from conformance.implementations.precision import Precision
from conformance.implementations.registry import OURS, environment
from weights import child

CASE_SECONDS = 120.0
START_SECONDS = 300.0
# Seconds in which a process may end by itself once the connection is closed.
END_SECONDS = 1.0
OUTPUT_TAIL = 2000
RESULT_TYPES = {
    "call": np.ndarray,
    "taps": dict,
    "record": dict,
    "state": dict,
    "train_step": dict,
    "in_turn": list,
    "train_on_replicas": list,
    "seconds": tuple,
}


class ProcessImplementation(ManagedImplementation):
    """An implementation in a child process, started anew when it dies or takes too long.

    A case may take `seconds`; with `repeat` every output is computed twice, `cached` lets JAX keep
    what it compiles, and `quick` lets it compile networks without optimising them.

    The child leads a process group: what it started ends with it.
    """

    def __init__(
        self, name: str, seconds: float = CASE_SECONDS, *, repeat: bool = False,
        cached: bool = True, quick: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, is_ours=name in OURS)
        self._seconds = seconds
        self._repeat = repeat
        self._cached, self._quick = cached, quick
        self._left: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Any = None
        self._output: Any = None
        self._is_killed = False

    def start(self) -> None:
        """Start the child and wait until it has imported the implementation."""
        started = time.monotonic()
        ours, theirs = socket.socketpair()
        with theirs:
            repeat = "repeat" if self._repeat else ""
            command = child.python(
                "conformance.implementations.child", str(theirs.fileno()), self.name, repeat
            )
            self._process = process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=environment(self.name, cached=self._cached, quick=self._quick),
                pass_fds=[theirs.fileno()], start_new_session=True,
            )  # fmt: skip
        self._channel = Channel(ours)
        self._output = _Output(process.stdout)
        if self._is_killed:  # while it was started
            _end_group(process)
        try:
            facts = self._reply(time.monotonic() + START_SECONDS, START_SECONDS)
        except (ImplementationRaised, NotSupported):
            self._stop()  # it has closed the connection: the next request starts another
            raise
        self.versions = dict(facts["versions"])
        self.precision = Precision(*facts["precision"])
        self.start_seconds = time.monotonic() - started

    @contextmanager
    def time_limit(self) -> Iterator[None]:
        """Limit the time of all requests of a case together; what is done between them is ours."""
        self._left = self._seconds
        try:
            yield
        finally:
            self._left = None

    def seconds(self) -> tuple[float, float]:
        """Seconds of all its outputs since it started: computed first, and repeated."""
        first, repeated = (0.0, 0.0) if self._process is None else self._request("seconds", {})
        return float(first), float(repeated)

    def kill(self) -> None:
        """End the child in the middle of a request, which raises `ProcessDied` in its thread.

        No other child lives after it.
        """
        self._is_killed = True
        process = self._process
        if process is not None:
            _end_group(process)

    def close(self) -> None:
        """End the child."""
        self._stop()

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        if self._process is None:
            self.start()
            if self._left is not None:
                self._left = self._seconds
        started = time.monotonic()
        try:
            limit = self._seconds if self._left is None else self._left
            result = self._answer(request, arguments, started + limit)
        finally:
            if self._left is not None:
                self._left -= time.monotonic() - started
        if not isinstance(result, RESULT_TYPES.get(request, object)):
            raise NoReply(f"its process sent a {type(result).__name__} for {request!r}")
        return result

    def _answer(self, request: str, arguments: Mapping[str, Any], deadline: float) -> Any:
        try:
            self._channel.send((request, arguments), deadline)
        except TimeoutError:
            self._stop()
            raise TimedOut(self._seconds) from None
        except OSError:
            raise self._died() from None
        return self._reply(deadline, self._seconds)

    def _reply(self, deadline: float, seconds: float) -> Any:
        try:
            kind, value, violations = self._channel.receive(deadline, self._is_alive)
            self.violations = tuple(dict.fromkeys([*self.violations, *violations]))
            refusal = REFUSALS[kind](*value) if kind in REFUSALS else None
        except TimeoutError:
            self._stop()
            raise TimedOut(seconds) from None
        except (EOFError, OSError):
            raise self._died() from None
        except Exception as error:
            self._stop()
            raise NoReply(f"its process sent what is no reply: {safe_str(error)}") from None
        if refusal is not None:
            raise refusal
        return value

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _died(self) -> ProcessDied:
        process, output = self._process, self._output
        self._stop()
        code = None if process is None else process.returncode
        return ProcessDied(code, shorten(output.last()) or "(none)")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        _end_group(process)
        process.wait()


class _Output:
    """The output of a child, read to its end; only the last part is kept."""

    def __init__(self, stream: Any) -> None:
        self._last = b""
        self._thread = Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def last(self) -> str:
        """The last part, once the child has ended."""
        self._thread.join(END_SECONDS)
        return self._last.decode(errors="replace").strip()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while part := os.read(stream.fileno(), 1 << 16):
                self._last = (self._last + part)[-OUTPUT_TAIL:]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
