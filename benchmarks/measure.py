"""Interleaved rounds: every candidate once a round, so that a slow second slows them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

QUICK_ROUNDS, LEAST_ROUNDS, WARM_UP = 7, 3, 2
# Rounds, and the seconds of a candidate in all of them: the median of a few rounds of what takes a
# millisecond tells layers apart no better than by a twentieth.
ROUNDS = ((21, 10.0), (201, 1.0))


@dataclass(frozen=True)
class Row:
    """The median of a candidate, and half the distance of its quartiles.

    Where both are not a number, `reason` says why nothing was measured.
    """

    framework: str
    suite: str
    case: str
    what: str
    candidate: str
    value: float
    spread: float
    unit: str = "ms"
    reason: str = ""


def interleaved(
    candidates: Mapping[str, Callable[[], Any]], *, quick: bool
) -> dict[str, tuple[float, float]]:
    """Median and spread of each candidate, in milliseconds; each must wait for its own result."""
    slowest = 1e-6
    for run in candidates.values():
        for _ in range(WARM_UP):
            run()
        started = perf_counter()
        run()
        slowest = max(slowest, perf_counter() - started)
    limits = ((QUICK_ROUNDS, ROUNDS[0][1]),) if quick else ROUNDS
    rounds = max(LEAST_ROUNDS, *(min(most, int(seconds / slowest)) for most, seconds in limits))
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            started = perf_counter()
            run()
            times[name].append((perf_counter() - started) * 1e3)
    return {name: (median(each), spread(each)) for name, each in times.items()}


def rows(
    framework: str, suite: str, case: str, what: str,
    candidates: Mapping[str, Callable[[], Any]], *, quick: bool,
) -> list[Row]:  # fmt: skip
    """A row for every candidate."""
    found = interleaved(candidates, quick=quick)
    return [
        Row(framework, suite, case, what, name, round(time, 4), round(half, 4))
        for name, (time, half) in found.items()
    ]


def emit(found: list[Row]) -> None:
    """Write rows to standard output, a line of JSON each: the parent reads them."""
    for row in found:
        print("row " + json.dumps(asdict(row)), flush=True)


def spread(times: list[float]) -> float:
    """Half the distance of the quartiles."""
    lower, _, upper = quantiles(times, n=4)
    return (upper - lower) / 2
