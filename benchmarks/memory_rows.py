"""Peak memory of training steps, each in a process of its own.

`python -m benchmarks.memory_rows FRAMEWORK CASE CANDIDATE` measures one of them.
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.measure import Row, emit
from benchmarks.shapes import Shape

BATCH = 64
SHAPES = (
    Shape(32, 64, 1, 56, batch=BATCH),
    Shape(32, 64, 1, 56, ratio=4, batch=BATCH),
    Shape(64, 64, 3, 56, batch=BATCH),
)
LAYERS = {str(shape): shape for shape in SHAPES}
NETWORK = f"ghostnet_100 batch {BATCH // 2}"
CANDIDATES = {
    "torch": ("naive", "ours"),
    "jax": ("naive", "ours"),
    "tf": ("naive", "ours", "naive, XLA", "ours, XLA"),
}


def training(framework: str, *, quick: bool) -> None:
    """Every candidate of a framework."""
    for case in list(LAYERS)[:1] if quick else LAYERS:
        for name in CANDIDATES[framework]:
            emit([measured(framework, case, "forward + backward", name)])
    if framework == "tf" and not quick:
        for name in ("naive", "ours"):
            emit([measured(framework, NETWORK, "fit", name)])


def measured(framework: str, case: str, what: str, name: str) -> Row:
    """The memory of a candidate in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory_rows", framework, case, name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Row(framework, "memory", case, what, name, float(done.stdout.split()[-1]), 0.0, "MB")


def peak(framework: str, case: str, name: str) -> float:
    """Megabytes beyond those of the same step of one image, in the first three steps."""
    prepare = network_step if case == NETWORK else partial(layer_step, framework, LAYERS[case])
    prepare(name, 1)()
    before = _highest()
    step = prepare(name, BATCH)
    step(), step(), step()
    return round(_highest() - before, 1)


def layer_step(framework: str, shape: Shape, name: str, batch: int) -> Callable[[], Any]:
    """A training step of a layer."""
    steps = importlib.import_module(f"benchmarks.{framework}_rows").steps
    made: dict[str, Callable[[], Any]] = steps(replace(shape, batch=batch))
    return made[name]


def network_step(name: str, batch: int) -> Callable[[], Any]:
    """A step of a network in Keras, of half as many images as of a layer."""
    fit = importlib.import_module("benchmarks.keras_ghostnet").step
    made: Callable[[], Any] = fit(name, max(1, batch // 2))
    return made


def _highest() -> float:
    """The most megabytes that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(peak(*sys.argv[1:]))
