"""The training example goes on after an interrupt, and learns alike in the three frameworks."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import ghost_torch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CONFIG = {"num_classes": 10, "in_chans": 1}
# Starts that float32 rounds apart: their curves differ by what rounding alone makes of one.
MOVED = 3
FACTOR = 4

pytestmark = pytest.mark.matrix


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


def start(path: Path, seed: int = 0) -> str:
    """A file to begin from; of every other seed one that is rounded otherwise."""
    torch.manual_seed(0)
    network = ghost_torch.GhostResNet20(**CONFIG)
    generator = np.random.default_rng(seed)
    moved = {
        name: np.nextafter(array, generator.choice([-9, 9], array.shape).astype(np.float32))
        for name, array in ghost_torch.state(network).items()
    }
    if seed:
        ghost_torch.set_state(network, moved)
    ghost_torch.save_weights(network, path)
    return str(path)


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(examples: Any, tmp_path: Path) -> None:
    recipe, loop = examples("recipe"), examples("train_torch")
    chosen = recipe.Recipe(
        start=start(tmp_path / "start.safetensors"), batch=256, epochs=2, average=0.9
    )
    loop.train(recipe.Run(chosen, tmp_path / "whole"))

    class Interrupted(recipe.Run):
        def record(self, epoch: int, *values: Any) -> None:
            super().record(epoch, *values)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(Interrupted(chosen, tmp_path / "parts"))
    loop.train(recipe.Run(chosen, tmp_path / "parts"))

    whole, parts = (
        ghost_torch.state(ghost_torch.from_file(tmp_path / name / "network.safetensors"))
        for name in ("whole", "parts")
    )
    assert len(recipe.Run(chosen, tmp_path / "parts").curve()) == 2
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


def curve(framework: str, folder: Path, begin: str) -> np.ndarray:
    """The losses of a run in a process of its own."""
    recipe = folder.with_suffix(".toml")
    recipe.write_text(
        f"start = {json.dumps(begin)}\nbatch = 256\nepochs = 2\naugment = false\nrate = 1e-3\n"
    )
    command = [sys.executable, str(EXAMPLES / "train.py"), "--framework", framework]
    done = subprocess.run(
        [*command, "--recipe", str(recipe), "--folder", str(folder)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (folder / "log.jsonl").read_text().splitlines()
    return np.array([json.loads(line)["loss"] for line in lines])


def test_the_three_frameworks_learn_alike(tmp_path: Path) -> None:
    pytest.importorskip("optax")
    pytest.importorskip("keras")
    begins = [start(tmp_path / f"start{seed}.safetensors", seed) for seed in range(MOVED + 1)]
    wanted, *moved = (
        curve("torch", tmp_path / f"torch{seed}", begin) for seed, begin in enumerate(begins)
    )

    allowed = FACTOR * np.max([np.abs(each - wanted) for each in moved], axis=0)

    for framework in ("jax", "tf"):
        found = curve(framework, tmp_path / framework, begins[0])
        assert (np.abs(found - wanted) <= allowed).all(), (framework, found - wanted, allowed)
