"""Two threads load and run one file, and so do forked and spawned workers."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.columns import Column, in_every_column, normal, tensors_of
from weights import write_file

ROOT = Path(__file__).parents[2]
LAYER = {"c_in": 3, "c_out": 9, "kernel_size": 3, "padding": 1}
X = normal(2, 3, 7, 5)
# Fork is for what starts no threads before it: PyTorch, NumPy. JAX and TensorFlow are spawned.
WORKERS = """
import multiprocessing, sys
import numpy as np

def run(framework, path):
    from weights.frameworks import FRAMEWORKS
    from weights.prediction.frameworks import build
    from weights import read_file
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 5)).astype(np.float32)
    return build(FRAMEWORKS[framework], read_file(path))(x).tobytes()

if __name__ == "__main__":
    framework, method, path = sys.argv[1:]
    with multiprocessing.get_context(method).Pool(2) as pool:
        first, second = pool.starmap(run, [(framework, path)] * 2)
    print(first == second == run(framework, path))
"""


def written(folder: Path) -> Path:
    path = folder / "layer.safetensors"
    write_file(path, "ghost_conv", LAYER, tensors_of("ghost_conv", **LAYER))
    return path


@pytest.mark.slow
@in_every_column
def test_threads_that_load_and_run_one_file_agree(column: Column, tmp_path: Path) -> None:
    path = written(tmp_path)
    wanted = column.run(column.package.from_file(path), X)

    def work(_: int) -> np.ndarray:
        return column.run(column.package.from_file(path), X)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, range(6)))

    assert all(np.array_equal(each, wanted) for each in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "method"),
    [
        ("torch", "fork"),
        ("torch", "spawn"),
        pytest.param("jax", "spawn", marks=pytest.mark.matrix),
        pytest.param("tf", "spawn", marks=pytest.mark.matrix),
    ],
)
def test_workers_that_load_and_run_one_file_agree(
    framework: str, method: str, tmp_path: Path
) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    command = [sys.executable, str(script), framework, method, str(written(tmp_path))]
    environment = {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.strip().endswith("True"), done.stderr[-2000:]
