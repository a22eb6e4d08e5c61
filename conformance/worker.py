"""The child process: one implementation, doing what the parent asks."""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from conformance.errors import NotSupported, printable
from conformance.implementations import environment, load
from weights import ArgumentError, GhostError
from weights.digests import tensor_digests

ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow otherwise prints on its way up
    "OMP_NUM_THREADS": "1",  # the cases are tiny: more threads only wait for each other
}
# Bytes to which frameworks align what they compute with.
ALIGNMENT = 64


def main(connection: Connection, name: str, log: str, repeat: bool = False) -> None:
    """Answer requests until the parent hangs up; standard output and error go to the log."""
    _redirect(log)
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    os.environ.update(environment(name))
    sys.path.insert(0, str(Path.cwd()))

    try:
        build, versions = load(name)
    except Exception as error:
        connection.send(_refusal(error))
        return
    connection.send(("done", versions))
    worker = Worker(build, repeat)
    while True:
        try:
            request, arguments = connection.recv()
        except EOFError:
            return
        connection.send(worker.answer(request, arguments))


class Worker:
    """The implementation, and the object that it built last.

    With `repeat` it is asked for every output twice: the bits must be the same, and what the first
    time took beyond the second is taken for compilation.
    """

    def __init__(self, build: Callable[..., Any], repeat: bool = False) -> None:
        self._build = build
        self._repeat = repeat
        self._seconds = [0.0, 0.0]
        self._key: Any = None
        self._built: Any = None

    def answer(self, request: str, arguments: Mapping[str, Any]) -> tuple[str, Any]:
        """The reply to a request: ("done", value) or one of the refusals."""
        try:
            return "done", getattr(self, request)(**arguments)
        except Exception as error:
            return _refusal(error)

    def call(self, x: np.ndarray, **description: Any) -> np.ndarray:
        """The output for an input."""
        built = self._object(**description)
        first = self._timed(0, built, x)
        if self._repeat and self._timed(1, built, x).tobytes() != first.tobytes():
            raise ArgumentError("it gave other bits when it was asked again")
        return first

    def seconds(self) -> tuple[float, float]:
        """What all outputs took the first time, and again where they were asked for twice."""
        first, again = self._seconds
        return first, again

    def taps(self, x: np.ndarray, **description: Any) -> dict[str, np.ndarray]:
        """The named intermediate outputs."""
        taps = self._method("taps", **description)
        return _lent(lambda given: _arrays(taps(given)), x)

    def state(self, **description: Any) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return _arrays(self._method("state", **description)())

    def save(self, path: str, **description: Any) -> None:
        """Write the interchange file."""
        self._method("save", **description)(path)

    def resave(self, source: str, path: str, **description: Any) -> None:
        """Load one file and write another."""
        with self._for_once():
            self._method("load", **description)(source)
            self._method("save", **description)(path)

    def train_step(
        self, x: np.ndarray, output_cotangent: np.ndarray, **description: Any
    ) -> dict[str, Any]:
        """One training step."""
        with self._for_once():
            step = self._method("train_step", **description)(x.copy(), output_cotangent.copy())
        return {k: _arrays(v) if isinstance(v, Mapping) else _array(v) for k, v in step.items()}

    @contextmanager
    def _for_once(self) -> Iterator[None]:
        """A fresh object that nobody uses afterwards: the request changes it, or fails half way."""
        self._key = None
        try:
            yield
        finally:
            self._key = None

    def _timed(self, time: int, built: Callable[..., Any], x: np.ndarray) -> np.ndarray:
        def run(given: np.ndarray) -> np.ndarray:
            started = perf_counter()
            result = _array(built(given))
            self._seconds[time] += perf_counter() - started
            return result

        return _lent(run, x)

    def _object(self, architecture: str, config: Any, weights: Any) -> Any:
        key = json.dumps([architecture, dict(config), tensor_digests(weights)], default=repr)
        if key != self._key:
            self._built = self._build(architecture, dict(config), dict(weights))
            self._key = key
        return self._built

    def _method(self, name: str, **description: Any) -> Callable[..., Any]:
        method = getattr(self._object(**description), name, None)
        if method is None:
            raise NotSupported(f"it has no method {name!r}")
        return method


def _redirect(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _lent(run: Callable[[np.ndarray], Any], x: np.ndarray) -> Any:
    """What it returns for an array that must come back as it was, and free."""
    # Never a name of this function: who looks at the local names of its callers, as TensorFlow's
    # tracing does, leaves references behind in them.
    lent = _unaligned(x)
    held = _references(lent)
    result = run(lent[1])
    if lent[1].tobytes() != x.tobytes():
        raise ArgumentError("it changed its input in place")
    if _references(lent) > held:
        gc.collect()  # cycles hold nothing for good
    if _references(lent) > held:
        raise ArgumentError("it keeps a reference to its input, which is its caller's")
    return result


def _references(arrays: tuple[np.ndarray, ...]) -> int:
    return sum(map(sys.getrefcount, arrays))


def _unaligned(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A copy, and the memory that it lies in.

    No framework makes such memory its own, as TensorFlow and JAX do with what is aligned: they then
    hold on to it for as long as they like.
    """
    step = x.dtype.itemsize
    memory = np.empty(x.size + 2 * ALIGNMENT // step, x.dtype)
    first = (step - memory.ctypes.data) % ALIGNMENT // step
    given = memory[first : first + x.size].reshape(x.shape)
    given[...] = x
    return memory, given


def _array(value: Any) -> np.ndarray:
    array = np.array(value)
    if array.dtype == object:
        raise TypeError(f"the result must be an array of numbers, got {type(value).__name__}")
    return array


def _arrays(values: Any) -> dict[str, np.ndarray]:
    if not isinstance(values, Mapping):
        raise TypeError(f"the result must map names to arrays, got {type(values).__name__}")
    return {str(name): _array(value) for name, value in values.items()}


def _refusal(error: Exception) -> tuple[str, Any]:
    if isinstance(error, NotSupported):
        return "unsupported", printable(str(error))
    details = (type(error).__name__, printable(str(error)), isinstance(error, GhostError))
    return "raised", (*details, printable("".join(traceback.format_exception(error))))
