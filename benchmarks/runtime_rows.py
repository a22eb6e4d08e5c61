"""Artefacts in every runtime that is installed, beside the frameworks, each in its own process.

The processes take turns, so that a slow second slows them all.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Timer
from time import perf_counter, sleep
from typing import IO

from benchmarks.measure import LEAST_ROUNDS, ROUNDS, Row, emit, spread
from benchmarks.runtime_artefacts import candidates, last_line
from benchmarks.shapes import BATCHES, NETWORKS

# Threads of the process before stop waiting actively for work.
PAUSE = 0.05
# Seconds for the rounds of a case, unless the fewest take longer; and for all that a process does.
SECONDS, PATIENCE = 60.0, 900.0


@dataclass(frozen=True)
class Process:
    """A candidate: a batch written to it is a turn, a line from it the milliseconds."""

    asked: IO[str]
    answers: IO[str]

    def is_ready(self) -> bool:
        """Whether it takes turns, once it is prepared; whatever a library prints before is not."""
        return any(line == "ready\n" for line in self.answers)

    def turn(self, batch: int) -> float | None:
        """The time of a call, or None where the process has ended."""
        sleep(PAUSE)
        with suppress(BrokenPipeError):
            self.asked.write(f"{batch}\n")
            self.asked.flush()
        answer = self.answers.readline()
        return float(answer) if answer else None


def runtimes(*, quick: bool, threads: int) -> None:
    """Every network at every batch in every candidate; of a quick run, the first network."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            places, reasons = {}, {}
            for candidate, place, reason in candidates(folder, architecture, config, size):
                if reason:
                    reasons[candidate] = reason
                else:
                    places[candidate] = place
            emit(measured(name, places, reasons, (folder, size, threads), quick=quick))


def measured(
    name: str, places: Mapping[str, Path], reasons: dict[str, str], run: tuple[Path, int, int], *,
    quick: bool,
) -> list[Row]:  # fmt: skip
    """A row for every candidate and batch: the median of its turns, or why there is none."""
    folder, size, threads = run
    with ExitStack() as stack:
        started = {
            candidate: stack.enter_context(
                _started(candidate, place, size, threads, folder / f"{candidate}.log")
            )
            for candidate, place in places.items()
        }
        ready = {candidate: each for candidate, each in started.items() if each.is_ready()}
        times = {batch: turns(ready, batch, quick=quick) for batch in BATCHES}
    for candidate in places:
        if any(None in found.get(candidate, [None]) for found in times.values()):
            reasons[candidate] = last_line((folder / f"{candidate}.log").read_text())
    return [
        _row(f"{name} batch {batch}", candidate, found.get(candidate, []), reasons.get(candidate))
        for batch, found in times.items()
        for candidate in [*places, *(each for each in reasons if each not in places)]
    ]


def turns(
    processes: Mapping[str, Process], batch: int, *, quick: bool
) -> dict[str, list[float | None]]:
    """The times of each process in rounds."""
    times: dict[str, list[float | None]] = {name: [] for name in processes}
    wanted, started = LEAST_ROUNDS if quick else ROUNDS, perf_counter()
    for number in range(wanted):
        if number >= LEAST_ROUNDS and perf_counter() - started > SECONDS:
            break
        for name, process in processes.items():
            times[name].append(process.turn(batch))
    return times


def _row(case: str, candidate: str, times: list[float | None], reason: str | None) -> Row:
    found = [time for time in times if time is not None]
    if reason is not None or not found:
        return Row("runtime", "runtime", case, "forward", candidate, math.nan, math.nan,
                   reason=reason or "it never took a turn")  # fmt: skip
    value, half = round(median(found), 3), round(spread(found), 3)
    return Row("runtime", "runtime", case, "forward", candidate, value, half)


@contextmanager
def _started(name: str, place: Path, size: int, threads: int, log: Path) -> Iterator[Process]:
    command = [sys.executable, "-m", "benchmarks.runtime_worker", name, str(place)]
    command += map(str, (size, threads))
    pipe = subprocess.PIPE
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as child,
    ):
        if child.stdin is None or child.stdout is None:
            raise RuntimeError(f"{name} has no pipes")

        def stop() -> None:
            errors.write(f"\nit took more than {PATIENCE:g} s\n")
            errors.flush()
            child.kill()

        timer = Timer(PATIENCE, stop)
        timer.start()
        try:
            yield Process(child.stdin, child.stdout)
        finally:
            timer.cancel()
            with suppress(BrokenPipeError):
                child.stdin.close()
