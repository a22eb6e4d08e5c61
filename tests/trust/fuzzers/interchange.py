"""The fuzzer of the reader: `python -m tests.trust.fuzzers.interchange --files 1000000`.

Every mutated file ends in a `GhostError` or in exactly the original tensors.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.trust.fuzzers.mutations import mutate
from tests.trust.fuzzers.program import (
    Tally,
    fuzz_on_all_cores,
    general,
    memory_in_use,
    no_longer_than,
)
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


if __name__ == "__main__":
    sys.exit(fuzz_on_all_cores(fuzz, __doc__))
