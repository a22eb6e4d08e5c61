"""One candidate: `python -m benchmarks.runtime_worker NAME PATH SIZE THREADS`.

Reads a batch for every turn and answers with the milliseconds of a call.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.measure import WARM_UP
from benchmarks.shapes import BATCHES

# Calls of a turn that count; one before brings back what others drove out of the caches.
CALLS = 3


def torch_eager(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """PyTorch, as the network was trained."""
    return _torch(path, x, threads, lambda module: module)


def torch_deployed(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """PyTorch, deployed."""
    return _torch(path, x, threads, importlib.import_module("ghost_torch").deploy)


def torch_compiled(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """PyTorch, deployed and compiled with its constants folded."""
    torch, package = (importlib.import_module(name) for name in ("torch", "ghost_torch"))
    options = {"dynamic": False, "options": {"freezing": True}}
    return _torch(path, x, threads, lambda module: torch.compile(package.deploy(module), **options))


def jax_compiled(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """JAX, deployed, under jit."""
    del threads  # XLA takes the cores that the process may use
    package, rows = (importlib.import_module(n) for n in ("ghost_jax", "benchmarks.jax_rows"))
    given = importlib.import_module("jax.numpy").asarray(x.transpose(0, 2, 3, 1))
    return rows.forward_of(package.deploy(package.from_file(path)), given)


def keras_graph(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """Keras, deployed, under tf.function."""
    del threads  # TensorFlow takes them from the environment
    return _keras(path, x, is_xla=False)


def keras_xla(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """Keras, deployed, compiled by XLA."""
    del threads
    return _keras(path, x, is_xla=True)


FRAMEWORKS: Mapping[str, Callable[[str, np.ndarray, int], Callable[[], Any]]] = {
    "PyTorch, eager": torch_eager,
    "PyTorch, deployed": torch_deployed,
    "PyTorch, compiled": torch_compiled,
    "JAX, jit": jax_compiled,
    "Keras, graph": keras_graph,
    "Keras, XLA": keras_xla,
}


def artefact(path: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """An artefact in its own runtime, given an input in its own layout."""
    from weights.deployment.artefacts import open_artefact

    runtime = open_artefact(path, threads=threads)
    is_last = runtime.notes.layout == "nhwc"
    given = np.ascontiguousarray(x.transpose(0, 2, 3, 1) if is_last else x)
    batch = runtime.notes.batch
    parts = [given] if batch is None else np.split(given, len(x) // batch)
    return lambda: [np.asarray(runtime.call(part)) for part in parts]


def _torch(path: str, x: np.ndarray, threads: int, prepare: Callable[[Any], Any]) -> Any:
    torch, package = (importlib.import_module(name) for name in ("torch", "ghost_torch"))
    torch.set_num_threads(threads)
    module = prepare(package.from_file(path).eval())
    rows = importlib.import_module("benchmarks.torch_rows")
    run = torch.no_grad()(lambda given: module(given))
    given = rows.last_of(torch.from_numpy(x))
    return lambda: run(given)


def _keras(path: str, x: np.ndarray, *, is_xla: bool) -> Callable[[], Any]:
    package, rows = (importlib.import_module(n) for n in ("ghost_tf", "benchmarks.tf_rows"))
    given = importlib.import_module("tensorflow").constant(x.transpose(0, 2, 3, 1))
    return rows.forward_of(package.deploy(package.from_file(path)), given, is_xla)


def timed(run: Callable[[], Any]) -> float:
    """The milliseconds of a call."""
    run()
    times = []
    for _ in range(CALLS):
        started = perf_counter()
        run()
        times.append((perf_counter() - started) * 1e3)
    return median(times)


def main(name: str, path: str, size: int, threads: int) -> None:
    """Prepare the candidate for every batch, say so, and take turns until the input ends."""
    runs = {batch: prepared(name, path, batch, size, threads) for batch in BATCHES}
    print("ready", flush=True)
    for line in sys.stdin:
        print(timed(runs[int(line)]), flush=True)


def prepared(name: str, path: str, batch: int, size: int, threads: int) -> Callable[[], Any]:
    """The call of the candidate with random images, compiled where it is."""
    x = np.random.default_rng(0).normal(size=(batch, 3, size, size)).astype(np.float32)
    run = FRAMEWORKS.get(name, artefact)(path, x, threads)
    for _ in range(WARM_UP):
        run()
    return run


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5]))
