"""The fuzzer of what files say: `python -m tests.trust.fuzzers.contents --files 100000`.

Interchange files with right digests, of every architecture: each is a `GhostError` of bounded,
printable text within a second, or exactly the tensors that are in it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.trust.fuzzers.interchange import CONSTANT, SLOWEST
from tests.trust.fuzzers.program import (
    Tally,
    fuzz_on_all_cores,
    general,
    memory_in_use,
    no_longer_than,
)
from tests.trust.fuzzers.whole_files import Whole, drawn, file_bytes, is_exactly
from weights import GhostError, read_file

MOST_TEXT = 20_000


def fuzz(files: int, seed: int) -> Tally:
    """Read that many files."""
    generator, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        path, largest, start = Path(folder, "file"), 0, memory_in_use()
        for _ in range(files):
            found = drawn(generator)
            data = file_bytes(found)
            path.write_bytes(data)
            outcome, seconds = _outcome(found, path)
            largest = max(largest, len(data))
            tally.files += 1
            tally.kinds[str(found.architecture)[:20]] += 1
            tally.slowest = max(tally.slowest, seconds)
            tally.same += outcome == "same"
            if outcome.startswith("wrong"):
                tally.wrong.append(f"seed {seed}: {outcome}: {found!r}")
            elif outcome != "same":
                tally.errors[outcome] += 1
        tally.memory = memory_in_use() - start
    # Twice the largest file for the reader, as much again for who writes it, and the libraries.
    if tally.memory > 6 * largest + CONSTANT:
        tally.wrong.append(f"memory grew by {tally.memory >> 20} MiB")
    return tally


def _outcome(found: Whole, path: Path) -> tuple[str, float]:
    """`same`, the words of a `GhostError`, or what went wrong; and how long it took."""
    began = time.perf_counter()
    try:
        with no_longer_than(SLOWEST), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = read_file(path)
    except GhostError as error:
        taken = time.perf_counter() - began
        return _words(error, path), taken
    except BaseException as error:
        return f"wrong: {type(error).__name__}: {error}", time.perf_counter() - began
    taken = time.perf_counter() - began
    return "same" if is_exactly(found, read) else "wrong: other tensors", taken


def _words(error: GhostError, path: Path) -> str:
    text = str(error)
    if len(text.encode()) > MOST_TEXT or not text.replace("\n", "").isprintable():
        return f"wrong: a text of {len(text)} characters"
    return f"{type(error).__name__}: {general(text, path)}"


if __name__ == "__main__":
    sys.exit(fuzz_on_all_cores(fuzz, __doc__))
