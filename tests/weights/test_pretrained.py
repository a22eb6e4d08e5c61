"""Repositories of the Hugging Face hub: written by any framework, the same bytes."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from tests.weights.hub_server import hub_server
from weights import GhostError, configure, read_file, write_file
from weights.card import card
from weights.frameworks import PACKAGES
from weights.hub import FILES
from weights.networks.summary import summarise

ROOT = Path(__file__).parents[2]
CONFIG = {"num_classes": 2}
PIXELS = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.2] * 3}
PUSH_AND_PULL = """
import ghost_torch, ghost_tf
network = ghost_torch.from_file({file!r})
print(ghost_torch.push_to_hub(network, "someone/ghost", token="hf_none"))
again = ghost_tf.from_pretrained("someone/ghost")
ghost_tf.push_to_hub(again, "someone/again", token="hf_none")
"""

in_every_framework = pytest.mark.parametrize("package", PACKAGES)
Make = Callable[..., dict[str, np.ndarray]]


@pytest.fixture
def file(tmp_path: Path, random_tensors: Make) -> Path:
    """A network with settings of images and names of classes."""
    path, tensors = (
        tmp_path / "network.safetensors",
        random_tensors(configure("ghost_resnet20", CONFIG)),
    )
    write_file(path, "ghost_resnet20", CONFIG, tensors, preprocess=PIXELS, classes=["cat", "dog"])
    return path


def folder_of(package: str, file: Path, folder: Path) -> dict[str, bytes]:
    """What a framework writes of the file."""
    module: Any = importlib.import_module(package)
    module.save_pretrained(module.from_file(file), folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_every_framework_writes_the_same_folder(file: Path, tmp_path: Path) -> None:
    folders = [folder_of(package, file, tmp_path / package) for package in PACKAGES]

    assert folders[0].keys() == {"README.md", FILES[0]}
    assert folders[0] == folders[1] == folders[2]
    assert folders[0][FILES[0]] == file.read_bytes()


@pytest.mark.slow
@in_every_framework
def test_a_folder_becomes_the_network_again(package: str, file: Path, tmp_path: Path) -> None:
    module: Any = importlib.import_module(package)
    folder_of(package, file, tmp_path / "repository")
    again = module.from_pretrained(tmp_path / "repository")

    module.save_weights(again, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_what_is_there_stays_without_overwrite(file: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("ghost_torch")
    folder_of("ghost_torch", file, tmp_path / "repository")
    with pytest.raises(GhostError, match=r"README\.md"):
        torch.save_pretrained(torch.GhostConv(3, 4), tmp_path / "repository")

    torch.save_pretrained(torch.GhostConv(3, 4), tmp_path / "repository", overwrite=True)
    assert read_file(tmp_path / "repository" / FILES[0]).architecture == "ghost_conv"


@pytest.mark.matrix
def test_pushed_by_pytorch_and_pulled_by_keras_it_is_the_same(file: Path, tmp_path: Path) -> None:
    with hub_server() as (address, files, asked):
        done = subprocess.run(
            [sys.executable, "-c", PUSH_AND_PULL.format(file=str(file))],
            env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"),
                 "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{address}/someone/ghost/commit/")
    assert files[f"someone/ghost/{FILES[0]}"] == file.read_bytes()
    assert files[f"someone/again/{FILES[0]}"] == file.read_bytes()
    assert any("/resolve/" in path for path in asked)


def test_a_repository_of_no_possible_name_is_refused() -> None:
    torch = pytest.importorskip("ghost_torch")
    pytest.importorskip("huggingface_hub")

    with pytest.raises(GhostError) as caught:
        torch.push_to_hub(torch.GhostConv(3, 4), "no/such/name", token="hf_none")
    assert str(caught.value) == (
        "cannot write the repository no/such/name: that is no name of a repository ('owner/name')"
    )


def test_the_card_has_counts_settings_and_a_line_for_each_framework(file: Path) -> None:
    page, counts = card(read_file(file), "someone/ghost"), summarise("ghost_resnet20", CONFIG)

    assert f"| parameters | {counts.parameters:,} |" in page
    assert f"{counts.multiply_accumulates:,} at 32 x 32" in page
    assert "pipeline_tag: image-classification" in page
    assert "| `mean` | `[0.5, 0.5, 0.5]` |" in page
    assert [name for name in PACKAGES if f"from {name} import from_pretrained" not in page] == []


@pytest.mark.slow
def test_the_parity_of_a_file_is_written_into_its_card(file: Path, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(card(read_file(file)) + "The end.\n")
    command = ["parity", str(file), "--implementation", "oracle", "--card", str(page)]

    result = CliRunner().invoke(main, command)

    assert result.exit_code == 0, result.output
    assert "| error / allowed | oracle |" in page.read_text()
    assert "Not tried yet" not in page.read_text()
    assert page.read_text().endswith("The end.\n")
