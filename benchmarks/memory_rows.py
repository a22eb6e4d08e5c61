"""Peak memory of a training step, each in a process of its own.

`python -m benchmarks.memory_rows FRAMEWORK SHAPE CANDIDATE` measures one of them.
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
from dataclasses import replace

from benchmarks.measure import Row, emit
from benchmarks.shapes import Shape

BATCH = 64
SHAPES = (
    Shape(32, 64, 1, 56, batch=BATCH),
    Shape(32, 64, 1, 56, ratio=4, batch=BATCH),
    Shape(64, 64, 3, 56, batch=BATCH),
)
CANDIDATES = {
    "torch": ("naive", "ours"),
    "jax": ("naive", "ours"),
    "tf": ("naive", "ours", "naive, XLA", "ours, XLA"),
}


def training(framework: str, *, quick: bool) -> None:
    """Every candidate of a framework."""
    for index, shape in enumerate(SHAPES[:1] if quick else SHAPES):
        for name in CANDIDATES[framework]:
            command = [sys.executable, "-m", "benchmarks.memory_rows", framework, str(index), name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            megabytes = float(done.stdout.split()[-1])
            case = (framework, "memory", str(shape), "forward + backward", name)
            emit([Row(*case, megabytes, 0.0, "MB")])


def peak(framework: str, shape: Shape, name: str) -> float:
    """Megabytes beyond those of the same step of one image, in the first two steps."""
    steps = importlib.import_module(f"benchmarks.{framework}_rows").steps
    steps(replace(shape, batch=1))[name]()
    before = _highest()
    step = steps(shape)[name]
    step(), step()
    return round(_highest() - before, 1)


def _highest() -> float:
    """The most megabytes that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(peak(sys.argv[1], SHAPES[int(sys.argv[2])], sys.argv[3]))
