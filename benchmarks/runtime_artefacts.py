"""The artefacts of a network that the suite `runtime` measures, in float32 and in int8."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runtime_worker import FRAMEWORKS
from weights import write_file
from weights.deployment.quantising.quantise import QUANTISERS
from weights.deployment.targets import TARGETS
from weights.files.settings import imagenet

# Seconds that one may take to be written.
PATIENCE = 300
IMAGES = 8


def candidates(
    folder: Path, architecture: str, config: dict[str, Any], size: int
) -> Iterator[tuple[str, Path, str]]:
    """The name of each candidate, its file, and why there is none.

    Weights and images are random: that artefacts are right is proved by tests, int8 loses classes.
    """
    package = importlib.import_module("ghost_torch")
    module = package.weights_io.ARCHITECTURES[architecture](**config)
    weights, images = folder / "network.safetensors", folder / "images.npz"
    settings: Any = imagenet(size)
    write_file(weights, architecture, config, package.state(module), preprocess=settings)
    drawn = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3), np.uint8)
    np.savez(images, images=drawn)
    for name in FRAMEWORKS:
        yield name, weights, ""
    for target in TARGETS.values():
        shape = ("--size", f"{size}x{size}")
        place = folder / f"{target.name}{target.suffix}"
        yield target.name, place, exported(target.name, weights, place, *shape, "--no-verify")
        if target.name in QUANTISERS:
            place = folder / f"int8-{target.name}{target.suffix}"
            bits = ("--int8", "--calibrate", str(images), "--most-lost", "100", "--no-verify")
            reason = exported(target.name, weights, place, *shape, *bits)
            yield f"{target.name}, int8", place, reason


def exported(target: str, weights: Path, place: Path, *options: str) -> str:
    """Write an artefact, and return why there is none."""
    command = ("export", "--to", target, str(weights), "-o", str(place), *options)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "weights", *command],
            check=False, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not written in {PATIENCE} s"
    return last_line(done.stderr) if done.returncode else ""


def last_line(text: str) -> str:
    """What a program said at its end."""
    lines = text.strip().splitlines() or ["it ended without a word"]
    return lines[-1].removeprefix("Error: ")[:200]
