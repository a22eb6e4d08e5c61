"""The fuzzer of the reader: `python -m tests.trust.fuzz --files 1000000`.

Every mutated file ends in a `GhostError` or in exactly the original tensors.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.trust.mutations import mutate
from weights import FormatWarning, GhostError, configure, read_file, write_file
from weights.files.file import WeightFile

SLOWEST = 1.0
# What Python and NumPy may take besides twice the file.
CONSTANT = 64 << 20
CONFIGS = (
    ("ghost_conv", {"c_in": 3, "c_out": 5}),
    ("ghost_conv", {"c_in": 4, "c_out": 8, "ratio": 4, "form": "folded"}),
    ("squeeze_excite", {"channels": 8}),
    ("ghost_bottleneck", {"c_in": 4, "c_mid": 8, "c_out": 6, "stride": 2}),
)


@dataclass
class Tally:
    """What happened to some files."""

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


def originals(folder: Path) -> Iterator[tuple[bytes, WeightFile]]:
    """Small files of a few architectures, with what they hold."""
    generator = np.random.default_rng(0)
    for index, (architecture, config) in enumerate(CONFIGS):
        tensors = {
            spec.name: np.abs(generator.normal(size=spec.shape)).astype(np.float32)
            for spec in configure(architecture, config).tensors()
        }
        path = folder / f"{index}.safetensors"
        write_file(path, architecture, config, tensors)
        yield path.read_bytes(), read_file(path)


def fuzz(files: int, seed: int) -> Tally:
    """Read that many mutated files."""
    generator, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        path, known = Path(name, "file"), list(originals(Path(name)))
        start = memory_in_use()
        for _ in range(files):
            data, original = generator.choice(known)
            kind, changed = mutate(data, generator)
            path.write_bytes(changed)
            began = time.perf_counter()
            outcome = _outcome(path, original)
            taken = time.perf_counter() - began
            tally.files += 1
            tally.kinds[kind] += 1
            tally.slowest = max(tally.slowest, taken)
            if outcome == "same":
                tally.same += 1
            elif outcome.startswith("wrong"):
                tally.wrong.append(f"{kind} of seed {seed}: {outcome}: {changed!r}")
            else:
                tally.errors[outcome] += 1
        tally.memory = memory_in_use() - start
        if tally.memory > 2 * max(len(data) for data, _ in known) + CONSTANT:
            tally.wrong.append(f"memory grew by {tally.memory >> 20} MiB")
    return tally


def _outcome(path: Path, original: WeightFile) -> str:
    """`same`, the words of a `GhostError`, or what went wrong."""
    try:
        with no_longer_than(SLOWEST), warnings.catch_warnings():
            warnings.simplefilter("ignore", FormatWarning)  # a newer minor version
            found = read_file(path)
    except GhostError as error:
        return f"{type(error).__name__}: {general(str(error), path)}"
    except BaseException as error:
        return f"wrong: {type(error).__name__}: {error}"
    before, after = original.tensors, found.tensors
    same = list(before) == list(after) and all(
        before[name].tobytes() == after[name].tobytes() for name in before
    )
    config = (original.architecture, original.config) == (found.architecture, found.config)
    return "same" if same and config else "wrong: other tensors"


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` within what takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def general(message: str, path: Path) -> str:
    """A message without what differs from file to file."""
    message = message.replace(str(path), "FILE")
    message = re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+-]*", "_", message)
    return message[:70]


def memory_in_use() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> int:
    """Fuzz on all cores, tell what happened; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    share, began = -(-arguments.files // arguments.processes), time.perf_counter()
    seeds = range(arguments.seed, arguments.seed + arguments.processes)
    total = Tally()
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


if __name__ == "__main__":
    sys.exit(main())
