"""The reference network: its arrays, and the error that its own roundings allow to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.judging.hints import largest_finite
from conformance.judging.stages import allowed_error
from conformance.parity.own.record import INPUTS, OUTPUTS, Key, Record

GRADIENTS, STATISTICS = "gradients", "statistics"


@dataclass(frozen=True)
class Baseline:
    """A run that is the truth, in float64 where the framework can, and runs in float32.

    `perturbed` had an input that is a rounding away.
    """

    exact: Record
    float32: Record
    perturbed: tuple[Record, ...]

    @property
    def framework(self) -> str:
        """The framework of the reference."""
        return self.exact.framework

    def arrays(self, key: Key, side: str) -> Tensors:
        """What a call read or returned, in float64."""
        arrays = self.exact.arrays(key, side)
        return {name: array.astype(np.float64) for name, array in arrays.items()}

    @cached_property
    def allowed(self) -> Callable[[Key, str, str], float]:
        """Of a call, a side and a name, K times the largest error of the float32 runs there.

        It is asked for again by every network, and of what may stand for another call.
        """
        return cache(self._allowed_at)

    def allowed_to(self, kind: str, name: str) -> float:
        """The same of the gradient or the statistic of a tensor.

        It is a sum over positions of images, whose error in another order grows with the root of
        their number (Higham and Mary, SIAM J. Sci. Comput. 2019). A gradient that cancels, as
        those before a batch normalisation do, is as uncertain as those of the modules beside it.
        """
        exact, runs = getattr(self.exact, kind), [getattr(run, kind) for run in self._runs]
        module = name.rpartition(".")[0]
        place = f"{module.rpartition('.')[0]}.".removeprefix(".") if kind == GRADIENTS else name
        beside = [self._largest[key] for key in exact if key.startswith(place)]
        scale = np.sqrt(self._positions(module)) * np.array(beside)
        return _allowed(exact, runs, name, scale)

    @cached_property
    def images(self) -> Mapping[int, list[tuple[int, int, int]]]:
        """The channels, heights and widths of images, by their product: what may be flattened."""
        found: dict[int, list[tuple[int, int, int]]] = {}
        for shape in self._shapes():
            sizes = found.setdefault(int(np.prod(shape)), [])
            if shape not in sizes:
                sizes.append(shape)
        return found

    @cached_property
    def _largest(self) -> Mapping[str, float]:
        """The largest number of every gradient and statistic, by its name."""
        tensors = {**self.exact.gradients, **self.exact.statistics}
        return {name: largest_finite(array) for name, array in tensors.items()}

    def _allowed_at(self, key: Key, side: str, name: str) -> float:
        runs = [run.arrays(key, side) for run in self._runs if key in run.calls]
        return _allowed(self.exact.arrays(key, side), runs, name)

    @property
    def _runs(self) -> tuple[Record, ...]:
        return (self.float32, *self.perturbed)

    def _positions(self, path: str) -> int:
        """How many values of a channel a module gives."""
        key = Key(path, 0)
        arrays = self.exact.arrays(key, OUTPUTS).values() if key in self.exact.calls else ()
        return max((array.size // array.shape[1] for array in arrays if array.ndim > 1), default=1)

    def _shapes(self) -> Iterator[tuple[int, int, int]]:
        for key in self.exact.calls:
            for side in (INPUTS, OUTPUTS):
                for array in self.exact.arrays(key, side).values():
                    if array.ndim == 4:
                        yield array.shape[1:]


def _allowed(
    exact: Tensors, runs: Sequence[Tensors], name: str, scale: np.ndarray | None = None
) -> float:
    wanted = exact[name].astype(np.float64)
    beside = wanted if scale is None else scale
    return max(allowed_error(run[name], wanted, beside) for run in runs if name in run)
