"""The calls of modules while a network runs: what each read, what it returned, what it is."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


class Calls:
    """The calls of the modules in `paths`, in the order in which they end.

    `arrays` gives every tensor in a value with its name, `told` what a module is.
    """

    def __init__(
        self,
        paths: Mapping[int, str],
        arrays: Callable[[Any], Iterable[tuple[str, np.ndarray]]],
        told: Callable[[Any], Any],
    ) -> None:
        self.ended: list[dict[str, Any]] = []
        self._paths = paths
        self._arrays = arrays
        self._told = told
        self._open: list[tuple[Any, Arrays]] = []
        self._counts: Counter[str] = Counter()

    def start(self, module: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
        """Record what a module reads; false where it is not to be recorded, or already is."""
        if id(module) not in self._paths or (self._open and self._open[-1][0] is module):
            return False
        read = (*arguments, options) if options else arguments
        self._open.append((module, dict(self._arrays(read))))
        return True

    def end(self, module: Any, outputs: Any) -> None:
        """Record what a module that was started returned."""
        inputs: Arrays = {}
        while self._open:
            started, inputs = self._open.pop()
            if started is module:
                break
        path = self._paths[id(module)]
        self.ended.append(
            {
                "path": path,
                "call": self._counts[path],
                "type": type(module).__name__,
                "inputs": inputs,
                "outputs": dict(self._arrays(outputs)),
                "told": self._told(module),
            }
        )
        self._counts[path] += 1

    def intercepting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The `__call__` of a class that does what `function`, its own, does, and records it."""

        @wraps(function)
        def call(module: Any, *arguments: Any, **options: Any) -> Any:
            is_recorded = self.start(module, arguments, options)
            output = function(module, *arguments, **options)
            if is_recorded:
                self.end(module, output)
            return output

        return call
