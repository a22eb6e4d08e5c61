"""How long two candidates take, measured side by side."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

Run = Callable[[], object]

# Repeats that a median needs, repeats that are enough, and what all of a model's may take together.
FEWEST, MOST, SECONDS = 7, 101, 10.0
WARM_UP = 2
# A GhostConv may take so many times as long as the convolution.
ALLOWED = 1.05


def medians(
    runs: Sequence[Run], seconds: float, clock: Callable[[], float] = perf_counter
) -> list[float]:
    """The median time of each run in seconds, in turn so that a busy machine slows all alike.

    They repeat until `seconds` have passed, within `FEWEST` and `MOST`.
    """
    for run in runs:
        for _ in range(WARM_UP):
            run()
    taken: list[list[float]] = [[] for _ in runs]
    end = clock() + seconds
    while len(taken[0]) < FEWEST or (len(taken[0]) < MOST and clock() < end):
        for run, times in zip(runs, taken, strict=True):
            start = clock()
            run()
            times.append(clock() - start)
    return [median(times) for times in taken]
