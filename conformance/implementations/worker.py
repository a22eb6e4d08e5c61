"""One implementation in its process, which serves the requests for it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from conformance.implementations.errors import (
    NAME_LIMIT,
    TEXT_LIMIT,
    NotSupported,
    safe_str,
    shorten,
)
from conformance.implementations.lending import lend
from weights import ArgumentError, FormatWarning, GhostError, UnsupportedError
from weights.files.digests import tensor_digests

NUMERIC_KINDS = "biuf"


class Worker:
    """The implementation, and the object that it built last.

    With `repeat` every output is computed twice: the bits must be the same, and the time by which
    the first took longer counts as compilation. With `refill` an object that was only read gets the
    weights of the next model where that is the same module, in place of a new one: it must have
    `replace_weights`.
    """

    def __init__(
        self, build: Callable[..., Any], repeat: bool = False, refill: bool = False
    ) -> None:
        self._build = build
        self._repeat, self._refill = repeat, refill
        self._seconds = [0.0, 0.0]
        self._key: Any = None
        self._built: Any = None

    def handle(self, request: str, arguments: Mapping[str, Any]) -> tuple[str, Any]:
        """The reply to a request: ("done", value) or one of the refusals."""
        try:
            return "done", getattr(self, request)(**arguments)
        except Exception as error:
            return refusal(error)

    def call(self, x: np.ndarray, **description: Any) -> np.ndarray:
        """The output for x: (N, C, H, W)."""
        return self._call(self._object(**description), x)

    def seconds(self) -> tuple[float, float]:
        """Seconds of all outputs: computed first, and repeated."""
        first, repeated = self._seconds
        return first, repeated

    def taps(self, x: np.ndarray, **description: Any) -> dict[str, np.ndarray]:
        """The output of every stage, by its name, for x: (N, C, H, W)."""
        taps = _method(self._object(**description), "taps")
        return lend(lambda given: as_arrays(taps(given)), x)

    def record(
        self, inputs: Any, double: bool = False, training: bool = False, **description: Any
    ) -> Any:
        """The calls of the modules of a user's own network."""
        record = _method(self._object(**description), "record")
        return record(inputs, double=double, training=training)

    def carry(self, inputs: Any, path: str, **description: Any) -> None:
        """Write the weights of a user's own network."""
        _method(self._object(**description), "carry")(inputs, path)

    def state(self, **description: Any) -> dict[str, np.ndarray]:
        """The tensors, canonical names and layout."""
        return as_arrays(_method(self._object(**description), "state")())

    def save(self, path: str, **description: Any) -> None:
        """Write the interchange file."""
        _method(self._object(**description), "save")(path)

    def resave(self, source: str, path: str, **description: Any) -> None:
        """Load one file and write another."""
        with self._fresh():
            built = self._object(**description)
            _method(built, "load")(source)
            _method(built, "save")(path)

    def train_step(
        self, x: np.ndarray, output_cotangent: np.ndarray, **description: Any
    ) -> dict[str, Any]:
        """One training step."""
        with self._fresh():
            return self._step(self._object(**description), x, output_cotangent)

    def train_on_replicas(
        self, steps: Iterable[tuple[np.ndarray, np.ndarray]], shares: Any, rate: float,
        statistics: str, **description: Any,
    ) -> list[Any]:  # fmt: skip
        """Training steps on several replicas."""
        with self._fresh():
            train = _method(self._object(**description), "train_on_replicas")
            given = [tuple(array.copy() for array in step) for step in steps]
            return [as_step(step) for step in train(given, tuple(shares), rate, statistics)]

    def in_turn(
        self, uses: Iterable[tuple[str, Mapping[str, Any]]], **description: Any
    ) -> list[Any]:
        """The results of uses of one object: `call`, `train_step` and `load` with its arguments.

        `refuse` loads a file that must be refused, and says whether it was.
        """
        methods: dict[str, Callable[..., Any]] = {
            "call": self._call, "train_step": self._step, "load": self._load,
            "refuse": self._refuse,
        }  # fmt: skip
        with self._fresh():
            built = self._object(**description)
            return [methods[name](built, **arguments) for name, arguments in uses]

    @contextmanager
    def _fresh(self) -> Iterator[None]:
        """Build a new object that no later request uses: this one changes it, or fails half way."""
        self._key = None
        try:
            yield
        finally:
            self._key = None

    def _call(self, built: Callable[..., Any], x: np.ndarray) -> np.ndarray:
        first = self._timed(0, built, x)
        if self._repeat and self._timed(1, built, x).tobytes() != first.tobytes():
            raise ArgumentError("it gave other bits when it was called again")
        return first

    def _step(self, built: Any, x: np.ndarray, output_cotangent: np.ndarray) -> dict[str, Any]:
        return as_step(_method(built, "train_step")(x.copy(), output_cotangent.copy()))

    def _load(self, built: Any, path: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FormatWarning)  # which a newer file rightly gives
            _method(built, "load")(path)

    def _refuse(self, built: Any, path: str) -> bool:
        load = _method(built, "load")
        try:
            load(path)
        except NotSupported:
            raise
        except Exception:
            return True
        return False

    def _timed(self, time: int, built: Callable[..., Any], x: np.ndarray) -> np.ndarray:
        def run(given: np.ndarray) -> np.ndarray:
            started = perf_counter()
            result = as_array(built(given))
            self._seconds[time] += perf_counter() - started
            return result

        return lend(run, x)

    def _object(self, architecture: str, config: Any, weights: Any) -> Any:
        dtypes = {name: str(array.dtype) for name, array in weights.items()}
        module = json.dumps([architecture, dict(config), dtypes], default=repr)
        key = module, tensor_digests(weights)
        if key != self._key:
            is_of_module = self._refill and self._key is not None and self._key[0] == module
            self._key = None  # until it has the weights
            if is_of_module:
                self._built.replace_weights(dict(weights))
            else:
                self._built = self._build(architecture, dict(config), dict(weights))
            self._key = key
        return self._built


def _method(built: Any, name: str) -> Callable[..., Any]:
    method = getattr(built, name, None)
    if method is None:
        raise NotSupported(f"it has no method {name!r}")
    return method


def refusal(error: Exception) -> tuple[str, Any]:
    """The reply for an exception: ("unsupported", reason) or ("raised", type, text, ...)."""
    if isinstance(error, (NotSupported, UnsupportedError)):
        return "unsupported", (safe_str(error),)
    name, is_ghost_error = shorten(type(error).__name__, NAME_LIMIT), isinstance(error, GhostError)
    # Half of the limit, for the text that is written around it.
    text = safe_str(error, TEXT_LIMIT // 2)
    return "raised", (name, text, is_ghost_error)


def as_array(value: Any) -> np.ndarray:
    """A copy that is no subclass; raises `TypeError` where it does not hold numbers."""
    found = np.array(value)
    if found.dtype.kind in NUMERIC_KINDS or found.dtype.type.__module__ == "ml_dtypes":
        return found
    kind = type(value).__name__ if found.dtype == object else f"an array of {found.dtype.name}"
    raise TypeError(f"the result must be an array of numbers, got {kind}")


def as_step(step: Any) -> dict[str, Any]:
    """Copies of what a step gave, arrays and mappings to arrays."""
    return {
        as_name(key): as_arrays(value) if isinstance(value, Mapping) else as_array(value)
        for key, value in step.items()
    }


def as_arrays(values: Any) -> dict[str, np.ndarray]:
    """Copies of the arrays of a mapping; raises `TypeError` for anything else."""
    if not isinstance(values, Mapping):
        raise TypeError(f"the result must map names to arrays, got {type(values).__name__}")
    return {as_name(name): as_array(value) for name, value in values.items()}


def as_name(key: object) -> str:
    """The printable name, of limited length, that a key stands for."""
    return safe_str(key, NAME_LIMIT)
