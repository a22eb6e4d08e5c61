"""Seconds that `import ghost_X` adds to the import of its framework, and those of `inspect`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import weights
from benchmarks.load_rows import ARCHITECTURE, random_tensors
from benchmarks.measure import Row, emit, rows, spread

ROUNDS = 11

IMPORTS = {
    "torch": ("import torch", "import ghost_torch"),
    "jax": ("import jax, jax.numpy, flax.nnx", "import ghost_jax"),
    "tf": ("import tensorflow, keras", "import ghost_tf"),
}


def start(*, quick: bool) -> None:
    """A fresh Python process for every measurement."""
    for framework, (own, ours) in IMPORTS.items():
        emit([added(framework, own, ours, rounds=3 if quick else ROUNDS)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ghostnet_100.safetensors")
        weights.write_file(path, ARCHITECTURE, {}, random_tensors())
        command = f"import sys; sys.argv = ['x', 'inspect', {str(path)!r}]"
        inspect = f"{command}; from weights.commands.cli import main; main()"
        as_json = inspect.replace(repr(str(path)), f"{str(path)!r}, '--json'")
        candidates = {
            "import numpy": python("import numpy"),
            "inspect": python(inspect),
            "inspect --json": python(as_json),
        }
        emit(rows("numpy", "import", "inspect", "import", candidates, quick=quick))


def added(framework: str, own: str, ours: str, rounds: int) -> Row:
    """The import of ours once the framework is imported, which takes a thousand times as long."""
    code = f"""{own}
import time
began = time.perf_counter()
{ours}
print((time.perf_counter() - began) * 1e3)"""
    run = python(code)
    run()  # which compiles it to bytecode
    times = [float(run().stdout) for _ in range(rounds)]
    case = (framework, "import", "import", "import", "added")
    return Row(*case, round(median(times), 4), round(spread(times), 4))


def python(code: str) -> Callable[[], Any]:
    """A process that runs the code, compiled to bytecode beforehand as after an installation."""
    command = [sys.executable, "-c", code]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, env=environment, check=True, capture_output=True)
