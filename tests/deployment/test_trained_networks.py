"""Trained networks predict the same in every runtime as their files do in float64."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from conformance.cases import digits
from conformance.tiers.network import load, train_digits
from tests.reference_files import reference_file
from tests.seed.test_trained_network import DEVIATION, MEAN, trained_tensors
from weights.deployment.artefacts import open_artefact
from weights.deployment.targets import TARGETS
from weights.files.storage import read_safetensors

HEAVY = ("openvino", "ncnn", "executorch", "aoti")
RUNTIMES = [
    pytest.param(name, marks=pytest.mark.runtimes if name in HEAVY else pytest.mark.matrix)
    for name in TARGETS
]
BATCH = 50


def predictions(
    folder: Path, to: str, architecture: str, config: dict, tensors: dict, x: np.ndarray
) -> list[int]:
    """The classes of the artefact that the first framework of the target's list writes."""
    target = TARGETS[to]
    package = importlib.import_module(f"ghost_{target.columns[0]}")
    module = package.weights_io.build(architecture, config, tensors)
    path = folder / f"artefact{target.suffix}"
    package.export(module, path, to=to, size=x.shape[2:], verify=False)
    runtime = open_artefact(path)
    parts = (x[start : start + BATCH] for start in range(0, len(x), BATCH))
    return np.concatenate([runtime.run(part).argmax(1) for part in parts]).tolist()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    train_digits(folder)
    return folder


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_digits_network_predicts_the_same(tmp_path: Path, trained: Path, target: str) -> None:
    data = load(trained / digits.WEIGHTS, trained / digits.IMAGES)
    model = data.file.architecture, data.file.config, data.file.tensors
    exact = importlib.import_module("ghost_torch.modes").float64(*model)(data.x)

    assert predictions(tmp_path, target, *model, data.x) == exact.argmax(1).tolist()


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_shared_network_predicts_the_same(tmp_path: Path, target: str) -> None:
    images, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))
    x = ((images["images"] / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)

    found = predictions(tmp_path, target, "ghost_resnet56", {}, trained_tensors(), x)

    assert found == images["logits"].argmax(1).tolist()
