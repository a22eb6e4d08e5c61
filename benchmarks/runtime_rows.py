"""Artefacts in every runtime that is installed, beside the frameworks, each in its own process.

The processes take turns, so that a slow second slows them all.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep
from typing import IO

from benchmarks.measure import LEAST_ROUNDS, QUICK_ROUNDS, Row, emit, spread
from benchmarks.runtime_worker import FRAMEWORKS
from benchmarks.shapes import BATCHES, NETWORKS
from weights.deployment.targets import TARGETS

# Threads of the process before stop waiting actively for work.
PAUSE = 0.05


@dataclass(frozen=True)
class Process:
    """A candidate that is ready: a line to it is a turn, a line from it the milliseconds."""

    asked: IO[str]
    answers: IO[str]

    def turn(self) -> float:
        """The time of a call."""
        sleep(PAUSE)
        self.asked.write("run\n")
        self.asked.flush()
        return float(self.answers.readline())


def runtimes(*, quick: bool, threads: int) -> None:
    """Every network at every batch in every candidate."""
    for name, architecture, config, size in NETWORKS[:1] if quick else NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder, f"{name}.safetensors")
            ghost_torch = importlib.import_module("ghost_torch")
            module = ghost_torch.weights_io.ARCHITECTURES[architecture](**config)
            ghost_torch.save_weights(module, weights)
            places = dict.fromkeys(FRAMEWORKS, weights) | artefacts(weights)
            for batch in BATCHES:
                case = f"{name} batch {batch}"
                emit(measured(case, places, (batch, size, threads), quick=quick))


def artefacts(weights: Path) -> dict[str, Path]:
    """An artefact for every runtime that is installed; that they are right is proved by tests."""
    found = {}
    for target in TARGETS.values():
        if target.missing:
            print(f"{target.name}: without {', '.join(target.missing)}", file=sys.stderr)
            continue
        place = weights.with_name(f"{target.name}{target.suffix}")
        command = ("export", "--to", target.name, str(weights), "-o", str(place), "--no-verify")
        subprocess.run([sys.executable, "-m", "weights", *command], check=True, capture_output=True)
        found[target.name] = place
    return found


def measured(
    case: str, places: Mapping[str, Path], run: tuple[int, int, int], *, quick: bool
) -> list[Row]:
    """A row for every candidate: the median of its turns."""
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_started(name, place, *run)) for name, place in places.items()
        }
        times: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(LEAST_ROUNDS if quick else QUICK_ROUNDS):
            for name, process in processes.items():
                times[name].append(process.turn())
    return [
        Row("runtime", "runtime", case, "forward", name, round(median(each), 3),
            round(spread(each), 3))
        for name, each in times.items()
    ]  # fmt: skip


@contextmanager
def _started(name: str, place: Path, batch: int, size: int, threads: int) -> Iterator[Process]:
    command = [sys.executable, "-m", "benchmarks.runtime_worker", name, str(place)]
    command += map(str, (batch, size, threads))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError(f"{name} has no pipes")
        # Whatever a library prints before.
        if not any(line == "ready\n" for line in child.stdout):
            raise RuntimeError(f"{name} ended before its first turn")
        yield Process(child.stdin, child.stdout)
        child.stdin.close()
