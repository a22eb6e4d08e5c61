"""Training on several replicas, as the conformance suite asks a column for it."""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

# Whose statistics normalise, and which ones the module keeps: those of all replicas together; its
# own in each replica, of which the first's are kept; likewise, and the mean of all is kept.
GLOBAL, FIRST, MEAN = "global", "first", "mean"

Tensors = dict[str, np.ndarray]
Step = dict[str, Any]


class Share(NamedTuple):
    """The part of a replica in one step: images and cotangent of their outputs, both (n, ...)."""

    x: np.ndarray
    cotangent: np.ndarray


@dataclass(frozen=True)
class ReplicaRun:
    """Steps of gradient descent that replicas of one module take together.

    Each step is the images of all replicas and a cotangent of their outputs, both (N, ...), of
    which replica r takes the next `shares[r]`. What descends is the mean over the images of the sum
    of output times cotangent, by `rate` times its gradient.
    """

    steps: tuple[tuple[np.ndarray, np.ndarray], ...] = field(repr=False)
    shares: tuple[int, ...]
    rate: float
    statistics: str = GLOBAL

    @property
    def images(self) -> int:
        """The number of images of a step."""
        return sum(self.shares)

    @property
    def is_even(self) -> bool:
        """Whether every replica gets as many images."""
        return len(set(self.shares)) == 1

    def split(self, x: np.ndarray) -> list[np.ndarray]:
        """The part of every replica."""
        return np.split(x, list(accumulate(self.shares))[:-1])

    def of(self, replica: int) -> Iterator[Share]:
        """What a replica gets in each step."""
        for step in self.steps:
            yield Share(*(self.split(array)[replica] for array in step))


class Given(NamedTuple):
    """A module, as processes are told of it: architecture, configuration, tensors by name."""

    architecture: str
    config: Mapping[str, Any]
    tensors: Tensors


# Trains a module on replicas; returns what each step gave: `output`, `grads`, `state`.
Engine = Callable[[Given, ReplicaRun], list[Step]]


def in_processes(
    function: Callable[..., Any], count: int, *arguments: Any, imports: Sequence[str] = ()
) -> list[Any]:
    """The results of `function(number, *arguments)` in so many processes of their own, at once.

    They are forked of one that has made these imports, and that of the function, and done nothing
    else: what a framework sets up once for a process, such as its devices, is theirs alone.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__, *imports])
    with ExitStack() as stack:
        # A pool for each: one whose process is idle would give that a second task.
        pools = [
            stack.enter_context(ProcessPoolExecutor(1, mp_context=context)) for _ in range(count)
        ]
        futures = [pool.submit(function, at, *arguments) for at, pool in enumerate(pools)]
        return [future.result() for future in futures]


def free_addresses(count: int) -> list[str]:
    """So many addresses of this machine, as host and port, at which nothing listens."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return [f"localhost:{each.getsockname()[1]}" for each in found]


def joined(replicas: Sequence[list[Step]]) -> list[Step]:
    """The steps of replicas that hold the same tensors: the outputs of all, in their order."""
    return [
        {**steps[0], "output": np.concatenate([step["output"] for step in steps])}
        for steps in zip(*replicas, strict=True)
    ]
