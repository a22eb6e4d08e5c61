"""Loading ghostnet_100's file into a module, beside reading its bytes."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import weights
from benchmarks.measure import emit, rows
from weights.files.digests import tensor_digests
from weights.tensors import RUNNING_VAR

ARCHITECTURE = "ghostnet"


def load(framework: str, *, quick: bool) -> None:
    """The bytes, the digests alone, the arrays, and for a framework a module that exists."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ghostnet_100.safetensors")
        tensors = random_tensors()
        weights.write_file(path, ARCHITECTURE, {}, tensors)
        candidates: dict[str, Callable[[], Any]] = {
            "bytes": path.read_bytes,
            "digests": lambda: tensor_digests(tensors),
            "arrays": lambda: weights.read_file(path),
        }
        if framework != "numpy":
            package = importlib.import_module(f"ghost_{framework}")
            module = package.weights_io.build(ARCHITECTURE, {}, tensors)
            candidates["module"] = lambda: package.load_weights(module, path)
            if framework == "torch":
                candidates["safetensors.torch"] = lambda: by_safetensors(module, path)
        emit(rows(framework, "load", "ghostnet_100", "load", candidates, quick=quick))


def by_safetensors(module: Any, path: Path) -> None:
    """What a user of PyTorch writes, which checks no digest."""
    # The file has no counts of batches.
    module.load_state_dict(importlib.import_module("safetensors.torch").load_file(path), False)


def random_tensors() -> dict[str, np.ndarray]:
    """Tensors of the network."""
    generator = np.random.default_rng(0)
    found = {}
    for spec in weights.configure(ARCHITECTURE, {}).tensors():
        array = generator.normal(size=spec.shape).astype(np.float32)
        found[spec.name] = np.abs(array) if spec.kind == RUNNING_VAR else array
    return found
