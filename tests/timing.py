"""The time that a call takes by itself, in a process that holds and does much else."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds that a round takes on the processors whose seconds the laws of the tests mean.
ROUND, ROUNDS, SLOWEST = 0.006, 5, 10.0


@contextmanager
def soon(seconds: float = 1.0) -> Iterator[None]:
    """Fail where what is done in this context takes longer, on a processor as fast as `ROUND`.

    It is the work of this thread that counts, and a slower processor may take as much longer.
    """
    gc.freeze()  # whatever else the process holds is not looked through again meanwhile
    began = time.thread_time()
    try:
        yield
        assert_soon(time.thread_time() - began, seconds)
    finally:
        gc.unfreeze()


def assert_soon(taken: float, seconds: float) -> None:
    """Fail where work that took a time just now takes longer than so many seconds."""
    if taken >= seconds:  # which is rare: then it is worth to look how fast this processor is
        allowed = seconds * slowness()
        assert taken < allowed, f"took {taken:.2f} s where {allowed:.2f} are allowed"


def slowness() -> float:
    """How many times longer this processor takes at the moment, 1 at least, 10 at most."""
    return min(max(1.0, *(_round() / ROUND for _ in range(ROUNDS))), SLOWEST)


def _round() -> float:
    """Seconds of a round of work of the interpreter, of which nothing is the collector's."""
    began = time.thread_time()
    table = {str(number): number for number in range(20_000)}
    sorted(table, key=lambda name: -table[name])
    return time.thread_time() - began
