"""Saving while processes die, disks fill and others write.

Run by `python -m tests.trust.torture.saving`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.trust.torture.exports import (
    exclusive_test,
    namespace_test,
    orbax_disk_test,
    orbax_kill_test,
)
from weights import GhostError, configure, read_file, write_file

ARCHITECTURE, CONFIG = "ghost_conv", {"c_in": 32, "c_out": 64, "kernel_size": 3}
NAME = "weights.safetensors"
LONGEST_LIFE = 0.02


def version(number: int) -> dict[str, np.ndarray]:
    """Tensors that all hold the same number, which tells which version a file is."""
    specs = configure(ARCHITECTURE, CONFIG).tensors()
    return {spec.name: np.full(spec.shape, number, np.float32) for spec in specs}


def save(path: Path, number: int) -> None:
    """Write a version over the one that is there."""
    write_file(path, ARCHITECTURE, CONFIG, version(number), overwrite=True)


def number_in(path: Path) -> int:
    """The version that a file is; a mixture of two is an error."""
    values = {float(value) for array in read_file(path).tensors.values() for value in array.flat}
    if len(values) != 1:
        raise AssertionError(f"{path} mixes the versions {values}")
    return int(values.pop())


def child(work: Callable[[], None]) -> int:
    """A forked process that does the work; its id."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(1)
    return process


def save_for_ever(path: Path, *numbers: int) -> None:
    """Write the versions in turn."""
    while True:
        for number in numbers:
            save(path, number)


def kill_test(folder: Path, times: int, seed: int = 0) -> str:
    """Kill a saving child at random moments: the file loads, and is one of the two versions."""
    generator, path, within = random.Random(seed), folder / NAME, 0
    save(path, 1)
    for _ in range(times):
        process = child(partial(save_for_ever, path, 2, 1))
        time.sleep(generator.uniform(0, LONGEST_LIFE))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if number_in(path) not in (1, 2):
            raise AssertionError(f"{path} is neither version")
        within += len(list(folder.iterdir())) > 1
    save(path, 1)
    left = [each.name for each in folder.iterdir()]
    if left != [NAME]:
        raise AssertionError(f"the next save left {left}")
    return f"{times} kills, {within} of them within a write: every file whole, nothing left behind"


def full_disk_test(folder: Path, times: int, seed: int = 0) -> str:
    """Save where no file may grow beyond a size: an error, and the old file."""
    generator, path = random.Random(seed), folder / NAME
    save(path, 1)
    size = path.stat().st_size
    for _ in range(times):
        limit = generator.randrange(size)
        _, status = os.waitpid(child(partial(_save_on_full_disk, path, limit)), 0)
        names = [each.name for each in folder.iterdir()]
        if status or number_in(path) != 1 or names != [NAME]:
            raise AssertionError(f"a limit of {limit} bytes: status {status}, {names}")
    return f"{times} full disks: a GhostError each, the old file whole, nothing left behind"


def writers_test(folder: Path, seconds: float) -> str:
    """Two writers at once: whoever reads finds one whole file."""
    path, reads, seen = folder / NAME, 0, set()
    save(path, 1)
    processes = [child(partial(save_for_ever, path, number)) for number in (1, 2)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(number_in(path))
        reads += 1
    for process in processes:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    if seen != {1, 2}:
        raise AssertionError(f"one writer alone was seen: {seen}")
    return f"{reads} reads between two writers: each a whole file"


def _save_on_full_disk(path: Path, limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        save(path, 2)
    except GhostError:
        os._exit(0)


def main() -> int:
    """Run them all; an exception is a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--full-disks", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--exports", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(kill_test(Path(folder), arguments.kills), flush=True)
        print(full_disk_test(Path(folder), arguments.full_disks), flush=True)
        print(writers_test(Path(folder), arguments.seconds), flush=True)
        print(exclusive_test(Path(folder), arguments.pairs), flush=True)
        print(namespace_test(Path(folder), arguments.seconds), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(orbax_kill_test(Path(folder), arguments.exports), flush=True)
        print(orbax_disk_test(Path(folder), arguments.exports), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
