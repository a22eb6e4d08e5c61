"""`ghost-weights export`, `verify` and `summary` for artefacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ghost_torch
from weights import write_file
from weights.commands.artefacts import images_of
from weights.commands.cli import main

SETTINGS: Any = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.25] * 3}


def run(*arguments: object, code: int = 0) -> str:
    """What the command prints."""
    ran = CliRunner().invoke(main, [str(each) for each in arguments])
    assert ran.exit_code == code, ran.output
    return ran.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    module = ghost_torch.GhostResNet20(num_classes=3)
    path = tmp_path / "a.safetensors"
    state = ghost_torch.state(module)
    write_file(path, "ghost_resnet20", module.config, state, preprocess=SETTINGS)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{index}.png")
    return folder


@pytest.mark.matrix
def test_a_network_goes_from_file_to_artefact_and_is_verified(
    tmp_path: Path, file: Path, images: Path
) -> None:
    made = tmp_path / "a.pt2"

    written = run("export", "--to", "pt2", file, "-o", made, "--size", "32x32", "--images", images)
    told = json.loads(run("summary", made, "--json"))
    verified = run("verify", made, "--against", file, "--trust", "--images", images)

    assert "proved" in written
    assert "the same class for 3 of 3 images" in written
    assert told["target"] == "pt2"
    assert told["size"] == [32, 32]
    assert told["bytes"] == made.stat().st_size
    assert "proved" in verified


def test_images_of_one_size_are_judged_together(images: Path) -> None:
    Image.new("RGB", (8, 6)).save(images / "3.png")

    assert [x.shape for x in images_of(str(images), SETTINGS)] == [(3, 3, 32, 32), (1, 3, 6, 8)]


@pytest.mark.slow
def test_without_a_proof_the_output_says_so(tmp_path: Path) -> None:
    module = ghost_torch.GhostConv(3, 8)
    ghost_torch.save_weights(module, tmp_path / "a.safetensors")

    told = run(
        "export", "--to", "pt2", tmp_path / "a.safetensors", "-o", tmp_path / "a.pt2", "--no-verify"
    )

    assert "not verified: nobody has compared what it computes" in told


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("export", "--to", "pt2", "{file}", "-o", "{folder}/a.pt"), 1, "`path` must end in .pt2"),
        (("export", "--to", "timm", "{file}", "-o", "{folder}/a.pt", "--dtype", "float16"), 2,
         "--dtype is for runtimes, timm is a state dict"),
        (("export", "--to", "pt2", "{file}", "-o", "{file}"), 1, "pass --overwrite to replace it"),
        (("export", "--to", "pt2", "{file}", "-o", "{folder}/a.pt2", "--images", "{folder}/no"), 1,
         "cannot read the folder"),
        (("export", "--to", "pt2", "{file}", "-o", "{folder}/a.pt2", "--framework", "jax"), 1,
         "pt2 must be written from torch, got a module of jax"),
        (("verify", "{file}", "--against", "{file}"), 1, "is no artefact of a runtime"),
        (("verify", "{file}", "--trust"), 2, "--images and --trust are for an artefact"),
        (("summary", "{file}"), 1, "is no artefact of a runtime"),
        (("summary", "{folder}"), 1, "is no artefact of a runtime"),
        (("summary", "nothing.pt2"), 1, "cannot read nothing.pt2: No such file or directory"),
    ],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_refused(
    tmp_path: Path, file: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    given = (each.format(file=file, folder=tmp_path) for each in arguments)

    assert text in run(*given, code=code)
