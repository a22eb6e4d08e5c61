"""The training example goes on after an interrupt, and learns alike in the three frameworks."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import ghost_torch
from tests.training.curves import FRAMEWORKS, PROGRAM, curves, start
from weights import ArgumentError, GhostError


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return importlib.import_module


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
@pytest.mark.matrix
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_run_that_was_interrupted_ends_as_one_that_was_not(
    framework: str, examples: Any, tmp_path: Path
) -> None:
    pytest.importorskip({"torch": "torch", "jax": "optax", "tf": "keras"}[framework])
    recipe, loop = examples("recipe"), examples(f"train_{framework}")
    begin = start(tmp_path / "start.safetensors")
    chosen = recipe.Recipe(
        start=begin, teacher=begin, batch=256, epochs=2, average=0.9, mixed=True
    )  # fmt: skip
    loop.train(recipe.Run(chosen, tmp_path / "whole", framework))

    class Interrupted(recipe.Run):
        def record(self, epoch: int, *values: Any) -> None:
            super().record(epoch, *values)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(Interrupted(chosen, tmp_path / "parts", framework))
    loop.train(recipe.Run(chosen, tmp_path / "parts", framework))

    whole, parts = (
        ghost_torch.state(ghost_torch.from_file(tmp_path / name / "network.safetensors"))
        for name in ("whole", "parts")
    )
    assert len(recipe.Run(chosen, tmp_path / "parts", framework).curve()) == 2
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.runtimes
def test_frameworks_and_processes_learn_alike(tmp_path: Path) -> None:
    pytest.importorskip("optax")
    pytest.importorskip("keras")
    runs = {
        "jax": ("jax", 1), "tf": ("tf", 1), "torchrun": ("torch", 2), "jax.distributed": ("jax", 2)
    }  # fmt: skip

    found, allowed = curves(tmp_path, runs, batch=256, epochs=2)

    for name, losses in found.items():
        apart = losses - found["torch"]
        assert (np.abs(apart) <= allowed).all(), (name, apart, allowed)


def test_a_folder_of_images_is_read_with_its_classes(examples: Any, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "images"
    for label, name in enumerate("ab"):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            pixels = np.full((6 + number, 9, 3), 100 * label + number, np.uint8)
            image.fromarray(pixels).save(folder / name / f"{number}.png")
    recipe = examples("recipe")
    chosen = recipe.Recipe(
        images=str(folder), size=6, channels=3, classes=2, batch=4, smoothing=0.0, augment=False
    )

    batches = list(recipe.Run(chosen, tmp_path / "run").batches(0, show=False))

    assert len(batches) == 2
    for x, targets in batches:
        assert x.shape == (4, 6, 6, 3)
        assert ((255 * x > 50).all(axis=(1, 2, 3)) == targets.argmax(1)).all()


REFUSED = {
    "epochs": ({"epochs": "3"}, "`epochs` must be of type int, got '3'"),
    "rate": ({"rate": 0}, "`rate` must be above 0, got 0"),
    "share": ({"share": 1.5}, "`share` must be at least 0 and below 1, got 1.5"),
    "architecture": ({"architecture": "resnet"}, "`architecture` must be one of ghost_conv"),
    "argument": ({"config": {"wide": 2}}, "wide"),
    "batch": ({"batch": 2000}, "`batch` must be at most the 1437 images, got 2000"),
    "size": ({"size": 32}, "digits have `size` 8, `channels` 1 and `classes` 10: leave them out"),
    "teacher": ({"teacher": "none.safetensors"}, "none.safetensors"),
    "images": ({"images": "nowhere"}, "nowhere"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "text"), REFUSED.values(), ids=REFUSED)
def test_a_recipe_that_cannot_be_followed_is_refused(
    wrong: Any, text: str, examples: Any, tmp_path: Path
) -> None:
    recipe = examples("recipe")

    with pytest.raises(GhostError) as refused:
        recipe.Run(recipe.Recipe(**wrong), tmp_path / "run")

    assert text in str(refused.value)


@pytest.mark.slow
def test_a_folder_goes_on_with_its_own_recipe_alone(examples: Any, tmp_path: Path) -> None:
    recipe = examples("recipe")
    run = recipe.Run(recipe.Recipe(), tmp_path, "jax")

    with pytest.raises(ArgumentError, match="holds a run with another `framework`, `rate`: give"):
        recipe.Run(recipe.Recipe(rate=0.1), tmp_path, "tf")
    with pytest.raises(ArgumentError, match="`batch` must be a multiple of the 3 devices, got 64"):
        run.check_devices(3)


@pytest.mark.slow
def test_the_program_draws_what_runs_recorded_and_refuses_in_one_line(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.jsonl").write_text('{"loss": 2.0}\n{"loss": 1.0}\n')

    def plotted(*folders: str) -> Any:
        command = [sys.executable, str(PROGRAM), "--plot", "curves.png", *folders]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert plotted("one", "two").returncode == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    failed = plotted("three")
    assert failed.returncode == 1
    assert failed.stderr == "error: three must be the folder of a run, got none of its log.jsonl\n"
