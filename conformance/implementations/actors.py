"""Implementations on a Ray cluster: each in a process of an actor, wherever Ray puts that.

What an actor is asked for tells all that it depends on, so that another can do it again. Files go
by their paths: a cluster of several machines must share the folder of temporary files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from conformance.implementations.errors import (
    ImplementationError,
    NotSupported,
    ProcessDied,
)
from conformance.implementations.implementation import ManagedImplementation
from conformance.implementations.process import CASE_SECONDS, ProcessImplementation
from conformance.implementations.registry import OURS
from weights import ArgumentError

# So many actors may end in one case, before that is its error.
MOST_DEATHS = 2
# No more of them work at once than the run has jobs: none waits until Ray counts a processor free.
PLACE: dict[str, Any] = {"num_cpus": 0, "scheduling_strategy": "SPREAD"}


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """A connection to the Ray cluster at this address; without it a local one of its own."""
    try:
        import ray
    except ImportError:
        raise ArgumentError(
            '`--engine ray` needs Ray, which is not installed: pip install "ghostconv[ray]"'
        ) from None
    options: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        ray.init(address, log_to_driver=False, **options)
    except ConnectionError as error:
        raise ArgumentError(f"no Ray cluster answers at {address}: {error}") from None
    try:
        yield
    finally:
        ray.shutdown()


class ActorImplementation(ManagedImplementation):
    """An implementation that an actor holds; another takes over where that one ends.

    The arguments are those of `ProcessImplementation`.
    """

    def __init__(
        self, name: str, seconds: float = CASE_SECONDS, *, repeat: bool = False,
        cached: bool = True, quick: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, is_ours=name in OURS)
        self._arguments = {
            "name": name, "seconds": seconds, "repeat": repeat, "cached": cached, "quick": quick
        }  # fmt: skip
        self._actor: Any = None
        self._deaths = 0
        self._is_in_case = self._is_killed = False

    def start(self) -> None:
        """Start an actor and wait until its process has imported the implementation."""
        import ray

        started = time.monotonic()
        kind: Any = ray.remote(**PLACE)(Holder)
        self._actor = kind.remote(str(Path.cwd()), self._arguments)
        versions, precision = self._result("start")
        self.versions, self.precision = versions, precision
        if self._is_in_case:
            self._result("begin")
        self.start_seconds = time.monotonic() - started

    @contextmanager
    def time_limit(self) -> Iterator[None]:
        """Limit the time of all requests of a case together."""
        self._is_in_case, self._deaths = True, 0
        if self._actor is not None:
            self._again("begin")
        try:
            yield
        finally:
            self._is_in_case = False
            if self._actor is not None:
                with suppress(ProcessDied):
                    self._again("end")

    def seconds(self) -> tuple[float, float]:
        """Seconds of all its outputs since its actor started: computed first, and repeated."""
        return (0.0, 0.0) if self._actor is None else self._again("seconds")

    def kill(self) -> None:
        """End the actor in the middle of a request; none lives after it."""
        import ray

        self._is_killed = True
        if self._actor is not None:
            ray.kill(self._actor)

    def close(self) -> None:
        """End the actor and its process."""
        import ray

        actor, self._actor = self._actor, None
        if actor is not None:
            with suppress(ray.exceptions.RayError):
                ray.get(actor.close.remote())
            ray.kill(actor)

    def _request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        return self._again("request", request, dict(arguments))

    def _again(self, method: str, *arguments: Any) -> Any:
        """What the actor answers, or another where it ends meanwhile."""
        import ray

        while True:
            try:
                if self._actor is None:
                    self.start()
                return self._result(method, *arguments)
            except ray.exceptions.RayActorError as error:
                self._actor, self._deaths = None, self._deaths + 1
                if self._is_killed or self._deaths >= MOST_DEATHS:
                    raise ProcessDied(
                        None, f"its actor ended {self._deaths} times: {error}"
                    ) from None

    def _result(self, method: str, *arguments: Any) -> Any:
        import ray

        value, error, violations = ray.get(getattr(self._actor, method).remote(*arguments))
        self.violations = tuple(dict.fromkeys([*self.violations, *violations]))
        if error is not None:
            raise _rebuilt(error)
        return value


class Holder:
    """The actor: an implementation in a process of its own, on the actor's machine."""

    def __init__(self, folder: str, arguments: Mapping[str, Any]) -> None:
        with suppress(OSError):  # another machine's
            os.chdir(folder)
        self._process = ProcessImplementation(**arguments)
        self._case = ExitStack()

    def start(self) -> Any:
        """The versions and the precision of the implementation, once its process runs."""
        return self._answer(self._start)

    def begin(self) -> Any:
        """Limit the time from now on."""
        self._case.close()
        return self._answer(lambda: self._case.enter_context(self._process.time_limit()))

    def end(self) -> Any:
        """Limit it no more."""
        return self._answer(self._case.close)

    def request(self, request: str, arguments: Mapping[str, Any]) -> Any:
        """The answer of the process."""
        return self._answer(lambda: self._process._request(request, arguments))

    def seconds(self) -> Any:
        """The seconds of its outputs."""
        return self._answer(self._process.seconds)

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _start(self) -> Any:
        self._process.start()
        return self._process.versions, self._process.precision

    def _answer(self, ask: Any) -> Any:
        """The value, the error in parts, and what the implementation must not have done."""
        value = error = None
        try:
            value = ask()
        except (ImplementationError, NotSupported) as raised:
            # Errors of several arguments are not pickled whole.
            error = type(raised), raised.args, vars(raised)
        return value, error, self._process.violations


def _rebuilt(error: tuple[type[Exception], tuple[Any, ...], dict[str, Any]]) -> Exception:
    kind, arguments, attributes = error
    made = kind.__new__(kind, *arguments)
    vars(made).update(attributes)
    return made
