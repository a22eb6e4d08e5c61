"""The fuzzer of what files say: `python -m tests.trust.fuzz_whole_files --files 100000`.

Interchange files with right digests and containers, of every architecture: each is a `GhostError`
of bounded, printable text within a second, or exactly the tensors that are in it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.trust.fuzz import CONSTANT, SLOWEST, Tally, _memory, general, no_longer_than, report
from tests.trust.whole_files import Whole, drawn, file_bytes, is_exactly, is_whole
from weights import GhostError, read_file
from weights.importers import import_file

MOST_TEXT = 20_000
# What builds a module of a framework to know where its tensors are may take longer.
CONTAINER_SECONDS, LIBRARIES = 30.0, 512 << 20
Read = tuple[str, tuple[str, float], int]


def npz(found: Whole) -> bytes:
    """A NumPy archive."""
    stream = io.BytesIO()
    np.savez(stream, ghost_weights=np.array(json.dumps(description(found))), **found.tensors)
    return stream.getvalue()


def msgpack(found: Whole) -> bytes:
    """A tree of Flax, in which names of PyTorch are no paths: the description is what is read."""
    from flax.serialization import msgpack_serialize

    return msgpack_serialize({**found.tensors, "ghost_weights": json.dumps(description(found))})


def pth(found: Whole) -> bytes:
    """A state dict of PyTorch."""
    import torch

    stream = io.BytesIO()
    state = {
        name: torch.from_numpy(array) if array.dtype.kind in "biuf" else torch.zeros(array.shape)
        for name, array in found.tensors.items()
    }
    torch.save({"state_dict": state, "epoch": found.config}, stream)
    return stream.getvalue()


def description(found: Whole) -> dict[str, Any]:
    """What a container says of its tensors."""
    return {"architecture": found.architecture, "config": found.config, **found.about}


CONTAINERS: dict[str, tuple[str, Callable[[Whole], bytes]]] = {
    "a.npz": ("npz", npz),
    "b.msgpack": ("flax-msgpack", msgpack),
    "c.pth": ("seed", pth),
}


def fuzz(files: int, seed: int, *, containers: bool = False) -> Tally:
    """Read that many files."""
    generator, tally = random.Random(seed), Tally()
    one = _read_container if containers else _read_file
    with tempfile.TemporaryDirectory() as folder:
        one(drawn(random.Random(0)), Path(folder), random.Random(0))  # imports take time
        start, largest = _memory(), 0
        for _ in range(files):
            found, state = drawn(generator), generator.getstate()
            kind, (outcome, seconds), size = one(found, Path(folder), generator)
            largest = max(largest, size)
            tally.files += 1
            tally.kinds[kind] += 1
            tally.slowest = max(tally.slowest, seconds)
            tally.same += outcome == "same"
            if outcome.startswith("wrong"):
                tally.wrong.append(f"{kind} of seed {seed}: {outcome}: {found!r}")
            elif outcome != "same":
                tally.errors[outcome] += 1
            generator.setstate(state)
        tally.memory = _memory() - start
    # Twice the largest file for the reader, as much again for who writes it, and the libraries.
    if tally.memory > 6 * largest + CONSTANT + LIBRARIES * containers:
        tally.wrong.append(f"memory grew by {tally.memory >> 20} MiB")
    return tally


def _read_file(found: Whole, folder: Path, generator: random.Random) -> Read:
    path, data = folder / "file", file_bytes(found)
    path.write_bytes(data)
    check = partial(is_exactly, found)
    return "file", _outcome(lambda: read_file(path), check, path, SLOWEST), len(data)


def _read_container(found: Whole, folder: Path, generator: random.Random) -> Read:
    # Flax builds a module for each file that is not refused before.
    name = generator.choices(list(CONTAINERS), (60, 5, 35))[0]
    importer, written = CONTAINERS[name]
    try:
        data = written(found)
    except (ValueError, TypeError, OverflowError):  # what this format cannot hold
        return name, ("not written", 0.0), 0
    path = folder / name
    path.write_bytes(data)
    read = partial(import_file, path, importer)
    return name, _outcome(read, is_whole, path, CONTAINER_SECONDS), len(data)


def _outcome(
    read: Callable[[], Any], check: Callable[[Any], bool], path: Path, seconds: float
) -> tuple[str, float]:
    """`same`, the words of a `GhostError`, or what went wrong; and how long it took."""
    began = time.perf_counter()
    try:
        with no_longer_than(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = read()
    except GhostError as error:
        taken = time.perf_counter() - began
        return _words(error, path), taken
    except BaseException as error:
        return f"wrong: {type(error).__name__}: {error}", time.perf_counter() - began
    taken = time.perf_counter() - began
    return "same" if check(found) else "wrong: other tensors", taken


def _words(error: GhostError, path: Path) -> str:
    text = str(error)
    if len(text.encode()) > MOST_TEXT or not text.replace("\n", "").isprintable():
        return f"wrong: a text of {len(text)} characters"
    return f"{type(error).__name__}: {general(text, path)}"


def main() -> int:
    """Fuzz on all cores, tell what happened; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--containers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    wrong = 0
    seeds = range(arguments.seed, arguments.seed + arguments.processes)
    for files, containers in ((arguments.files, False), (arguments.containers, True)):
        share, began, total = -(-files // arguments.processes), time.perf_counter(), Tally()
        work = partial(fuzz, share, containers=containers)
        with ProcessPoolExecutor(arguments.processes) as pool:
            for tally in pool.map(work, seeds):
                total.add(tally)
        report(total, time.perf_counter() - began)
        wrong += len(total.wrong)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
