"""The reference network: its arrays, and the error that its own roundings allow to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from conformance.cases.tensors import Tensors
from conformance.judging.stages import allowed_error
from conformance.parity.own.record import INPUTS, OUTPUTS, Key, Record


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

    def allowed(self, key: Key, side: str, name: str) -> float:
        """K times the largest error of the network's own float32 runs there."""
        runs = [run.arrays(key, side) for run in self._runs if key in run.calls]
        return _allowed(self.exact.arrays(key, side), runs, name)

    def allowed_to(self, kind: str, name: str) -> float:
        """The same of the gradient or the statistic of a tensor.

        A gradient that cancels, as that of a bias before a batch normalisation, is as uncertain as
        the others of its module.
        """
        exact, runs = getattr(self.exact, kind), [getattr(run, kind) for run in self._runs]
        module = name.rpartition(".")[0]
        beside = [array.ravel() for key, array in exact.items() if key.rpartition(".")[0] == module]
        return _allowed(exact, runs, name, np.concatenate(beside))

    @cached_property
    def images(self) -> Mapping[int, list[tuple[int, int, int]]]:
        """The channels, heights and widths of images, by their product: what may be flattened."""
        found: dict[int, list[tuple[int, int, int]]] = {}
        for shape in self._shapes():
            sizes = found.setdefault(int(np.prod(shape)), [])
            if shape not in sizes:
                sizes.append(shape)
        return found

    @property
    def _runs(self) -> tuple[Record, ...]:
        return (self.float32, *self.perturbed)

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
