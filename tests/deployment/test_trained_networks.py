"""Trained networks predict the same in every runtime as their files do in float64."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases import digits
from conformance.tiers.network import Data, load, train_digits
from tests.reference_files import reference_file
from tests.seed.test_trained_network import DEVIATION, MEAN, trained_tensors
from weights.deployment.artefacts import open_artefact
from weights.deployment.quantising.quantise import QUANTISERS, Int8, Quantised
from weights.deployment.quantising.samples import Samples
from weights.deployment.targets import TARGETS
from weights.files.storage import read_safetensors

HEAVY = ("openvino", "ncnn", "executorch", "aoti")
RUNTIMES = [
    pytest.param(name, marks=pytest.mark.runtimes if name in HEAVY else pytest.mark.matrix)
    for name in TARGETS
]
INT8 = [
    pytest.param(name, marks=pytest.mark.matrix if name == "onnx" else pytest.mark.runtimes)
    for name in QUANTISERS
]
BATCH = 50
# Percentage points that may be lost: 4 of 450 digits, and one of a hundred photographs.
MOST_LOST = {"digits": 100 * 4 / 450, "photographs": 1.0}

Model = tuple[str, dict[str, Any], dict[str, np.ndarray]]


def exported(path: Path, to: str, model: Model, x: np.ndarray, **options: Any) -> Any:
    """What the first framework of the target's list writes."""
    package = importlib.import_module(f"ghost_{TARGETS[to].columns[0]}")
    module = package.weights_io.build(*model)
    return package.export(module, path, to=to, size=x.shape[2:], verify=False, **options)


def predictions(folder: Path, to: str, model: Model, x: np.ndarray) -> list[int]:
    """The classes of the artefact."""
    path = folder / f"artefact{TARGETS[to].suffix}"
    exported(path, to, model, x)
    runtime = open_artefact(path)
    parts = (x[start : start + BATCH] for start in range(0, len(x), BATCH))
    return np.concatenate([runtime.run(part).argmax(1) for part in parts]).tolist()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    train_digits(folder)
    return folder


def in_int8(
    folder: Path, to: str, model: Model, x: np.ndarray, labels: np.ndarray, most_lost: float
) -> Quantised:
    """What became of the network: a hundred of the images set the ranges, the others judge."""
    wanted = Int8(Samples(x, labels), most_lost=most_lost)
    path = folder / f"artefact{TARGETS[to].suffix}"
    return exported(path, to, model, x, int8=wanted).quantised


def photographs() -> tuple[Model, np.ndarray, dict[str, np.ndarray]]:
    """The shared Ghost-ResNet56, its inputs (N, 3, 32, 32), and their labels and logits."""
    images, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))
    x = ((images["images"] / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)
    return ("ghost_resnet56", {}, trained_tensors()), x, images


def digits_of(folder: Path) -> tuple[Model, Data]:
    """The network trained on digits, and the 450 that it has not seen."""
    data = load(folder / digits.WEIGHTS, folder / digits.IMAGES)
    return (data.file.architecture, data.file.config, data.file.tensors), data


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_digits_network_predicts_the_same(tmp_path: Path, trained: Path, target: str) -> None:
    model, data = digits_of(trained)
    exact = importlib.import_module("ghost_torch.modes").float64(*model)(data.x)

    assert predictions(tmp_path, target, model, data.x) == exact.argmax(1).tolist()


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_shared_network_predicts_the_same(tmp_path: Path, target: str) -> None:
    model, x, images = photographs()

    assert predictions(tmp_path, target, model, x) == images["logits"].argmax(1).tolist()


@pytest.mark.parametrize("target", INT8)
def test_the_digits_network_keeps_its_accuracy_in_int8(
    tmp_path: Path, trained: Path, target: str
) -> None:
    model, data = digits_of(trained)

    made = in_int8(tmp_path, target, model, data.x, data.labels, MOST_LOST["digits"])

    assert made.verdict.passed
    assert (made.ranges, made.verdict.images) == (100, 350)


@pytest.mark.parametrize("target", INT8)
def test_the_shared_network_keeps_its_accuracy_in_int8(tmp_path: Path, target: str) -> None:
    model, x, images = photographs()

    made = in_int8(tmp_path, target, model, x, images["labels"], MOST_LOST["photographs"])

    assert made.verdict.passed
    assert (made.ranges, made.verdict.images) == (100, 900)
