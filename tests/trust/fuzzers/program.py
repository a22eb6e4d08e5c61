"""The fuzzers as programs: their options, limits and counts, and their exit status."""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.timing import slowness

# Seconds of the clock in which anything ends.
PATIENCE = 120.0


@dataclass
class Tally:
    """The outcomes of some files."""

    files: int = 0
    same: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another one's files as well."""
        self.files, self.same = self.files + other.files, self.same + other.same
        self.errors += other.errors
        self.kinds += other.kinds
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)
        self.wrong += other.wrong


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` within what works longer, and within what waits for ever.

    A slow processor may take longer, and whatever else it is busy with does not count.
    """

    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    limits = ((signal.ITIMER_PROF, seconds * _slowness()), (signal.ITIMER_REAL, PATIENCE))
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, stop)
    for timer, limit in limits:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for timer, _ in limits:
            signal.setitimer(timer, 0)


@cache
def _slowness() -> float:
    return slowness()


def general(message: str, path: Path) -> str:
    """A message without what differs from file to file."""
    message = message.replace(str(path), "FILE")
    message = re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+-]*", "_", message)
    return message[:70]


def memory_in_use() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def options(description: str | None, files: int) -> argparse.ArgumentParser:
    """The options of every fuzzer: how many files, and the seed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--files", type=int, default=files)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def fuzz_on_all_cores(
    fuzz: Callable[[int, int], Tally], description: str | None, files: int = 100_000
) -> int:
    """Run a fuzzer that tallies in a process for each core; 1 where anything was wrong."""
    parser = options(description, files)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    share, began, total = -(-arguments.files // arguments.processes), time.perf_counter(), Tally()
    seeds = range(arguments.seed, arguments.seed + arguments.processes)
    with ProcessPoolExecutor(arguments.processes) as pool:
        for tally in pool.map(fuzz, [share] * arguments.processes, seeds):
            total.add(tally)
    report(total, time.perf_counter() - began)
    return bool(total.wrong)


def report(total: Tally, seconds: float) -> None:
    """Print the counts."""
    print(f"{total.files} files in {seconds:.0f} s, {total.same} with the original tensors")
    print("by damage: " + ", ".join(f"{k} {n}" for k, n in sorted(total.kinds.items())))
    for words, count in total.errors.most_common(40):
        print(f"{count:8d}  {words}")
    print(f"longest {total.slowest * 1e3:.0f} ms, memory grew by {total.memory >> 20} MiB at most")
    print(f"{len(total.wrong)} wrong" + "".join(f"\n  {each[:2000]}" for each in total.wrong[:10]))


def fuzz_and_count(
    fuzz: Callable[[int, int], tuple[Counter[str], list[str]]],
    noun: str,
    description: str | None,
    files: int = 20_000,
) -> int:
    """Run a fuzzer that counts outcomes and print them; 1 where anything was wrong."""
    arguments = options(description, files).parse_args()
    began = time.perf_counter()
    counts, wrong = fuzz(arguments.files, arguments.seed)
    print(f"{arguments.files} {noun} in {time.perf_counter() - began:.0f} s")
    for outcome, count in sorted(counts.items()):
        print(f"{count:8d}  {outcome}")
    print(f"{len(wrong)} wrong" + "".join(f"\n  {each}" for each in wrong[:10]))
    return bool(wrong)
