"""One process of a benchmark: `python -m benchmarks.worker JOB SUITE QUICK THREADS`."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.measure import Row, emit


def main(job: str, suite: str, quick: bool, threads: int) -> None:
    """Measure, and write rows to standard output."""
    if job in ("torch", "onnx"):
        importlib.import_module("torch").set_num_threads(threads)
    if suite == "conformance":
        conformance()
    elif suite == "import":
        importlib.import_module("benchmarks.import_rows").start(quick=quick)
    elif suite == "runtime":
        rows = importlib.import_module("benchmarks.runtime_rows")
        rows.runtimes(quick=quick, threads=threads)
    elif suite == "memory":
        importlib.import_module("benchmarks.memory_rows").training(job, quick=quick)
    elif suite == "growth":
        importlib.import_module("benchmarks.growth_rows").growth(job, quick=quick)
    elif suite == "load":
        importlib.import_module("benchmarks.load_rows").load(job, quick=quick)
    else:
        getattr(importlib.import_module(f"benchmarks.{job}_rows"), suite)(quick=quick)


def conformance() -> None:
    """The default run of the suite, with an empty cache and with what that run left in it."""
    command = [sys.executable, "-m", "conformance", "run"]
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        # The suite gives each of its processes a thread where nothing else is asked for.
        environment.pop("OMP_NUM_THREADS", None)
        for case in ("first", "second"):
            started = perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            taken = round((perf_counter() - started) * 1e3)
            emit([Row("all", "conformance", f"{case} run", "run", "all", taken, 0.0)])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "1", int(sys.argv[4]))
