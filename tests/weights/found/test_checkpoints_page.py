"""Checkpoints as they are found: the page says what comes of each, and every number arrives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from tests.reference_files import reference_file
from tests.weights.found import page, twins
from tests.weights.found.twins import CHECKPOINTS, NORM_HEAD, SMALL, Checkpoint, drawn
from weights import GhostError, read_file
from weights.commands.cli import main
from weights.importers import import_file
from weights.importers.gates import convert_gates
from weights.prediction.preprocess import preprocess


@pytest.mark.slow
@pytest.mark.parametrize(
    "checkpoint",
    [
        pytest.param(each, id=each.name, marks=pytest.mark.matrix if each.is_long else ())
        for each in CHECKPOINTS
    ],
)
def test_the_page_says_what_comes_of_a_checkpoint(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for package in ("torch", "h5py", "onnx"):
        pytest.importorskip(package)
    reference_file("wild")

    assert page.row(checkpoint, tmp_path) in page.PAGE.read_text().splitlines()


def test_the_page_has_a_line_for_each_and_no_other() -> None:
    lines = [line for line in page.PAGE.read_text().splitlines() if line.startswith("| ")]

    assert len(lines) == len(CHECKPOINTS) + 2
    assert len(CHECKPOINTS) >= 15


LAYOUTS = [
    ("paddle", twins.paddle, "ghostnet", NORM_HEAD, "clip01"),
    ("kimm", twins.kimm, "ghostnet", SMALL, "relu6"),
    ("kimm", partial(twins.kimm, architecture="ghostnetv2"), "ghostnetv2", SMALL, "relu6"),
    ("kecam", twins.kecam, "ghostnetv2", SMALL, "relu6"),
    ("kecam", partial(twins.kecam, architecture="ghostnet"), "ghostnet", SMALL, "relu6"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("importer", "make", "architecture", "config", "gate"), LAYOUTS)
def test_every_number_of_another_layout_arrives_at_its_place(
    tmp_path: Path, importer: str, make: Callable[[Path], Path], architecture: str,
    config: dict[str, object], gate: str,
) -> None:  # fmt: skip
    pytest.importorskip("h5py")

    imported = import_file(make(tmp_path), importer)

    wanted = convert_gates({s.name: x for s, x in drawn(architecture, config).items()}, gate)
    assert imported.architecture == architecture
    assert imported.config["width"] == SMALL["width"]
    assert imported.tensors.keys() == wanted.keys()
    assert all(np.array_equal(imported.tensors[name], x) for name, x in wanted.items())
    # It takes other pixels where it enlarges an odd map, which its numbers do not tell.
    is_other = importer == "kimm" and architecture == "ghostnetv2"
    assert ("attention" in imported.source["assumed"]) == is_other


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_what_keras_itself_writes_is_read_by_the_names_of_layers(
    tmp_path: Path, suffix: str
) -> None:
    keras = pytest.importorskip("keras")
    layers = keras.layers
    x = start = keras.Input((8, 8, 3))
    for index in range(12):
        x = layers.Conv2D(4, 3, use_bias=False, padding="same", name=f"block{index}_conv2d")(x)
        x = layers.BatchNormalization(name=f"block{index}_bn")(x)
        x = layers.DepthwiseConv2D(3, padding="same", name=f"block{index}_dw")(x)
    model = keras.Model(start, layers.Dense(2, name="classifier")(x))
    save = model.save if suffix == ".keras" else model.save_weights
    save(tmp_path / f"model{suffix}")

    from weights.importers.containers.keras_names import read_layers

    found = read_layers(tmp_path / f"model{suffix}").tensors
    for layer in model.layers[1:]:
        for variable in layer.weights:
            array = found[f"{layer.name}.{variable.name}"]
            np.testing.assert_array_equal(array, keras.ops.convert_to_numpy(variable))


# The least and the largest share of right answers; CIFAR-10's usual scaling is another network's.
SCALINGS = [
    ("0.5 0.5", 0.832, 0.842),
    ("0.4914,0.4822,0.4465 0.2023,0.1994,0.2010", 0.1, 0.3),
]


@pytest.mark.matrix
@pytest.mark.parametrize(("scaling", "least", "largest"), SCALINGS)
def test_a_trained_network_is_as_good_as_its_scaling(
    tmp_path: Path, scaling: str, least: float, largest: float
) -> None:
    torch, ghost_torch = pytest.importorskip("torch"), pytest.importorskip("ghost_torch")
    source = reference_file("wild/ghost_resnet56_kopi.weights")
    images = load_file(reference_file("trained/cifar10_test_1000.safetensors"))
    asked = ["--from", "timm", "--preprocess", scaling, str(source), "-o", f"{tmp_path}/network"]
    assert CliRunner().invoke(main, ["import", *asked]).exit_code == 0

    network = ghost_torch.from_file(tmp_path / "network").eval()
    settings = read_file(tmp_path / "network").metadata["preprocess"]
    with torch.no_grad():
        logits = network(torch.from_numpy(preprocess(images["images"], settings))).numpy()

    assert least <= (logits.argmax(1) == images["labels"]).mean() <= largest


HOSTILE = {
    "an empty archive": b"PK\x05\x06" + bytes(18),
    "a truncated HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "a page": b"<html>",
}


@pytest.mark.slow
@pytest.mark.parametrize("importer", ["kimm", "kecam", "paddle"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_none_is_refused(tmp_path: Path, importer: str, kind: str) -> None:
    (tmp_path / "file").write_bytes(HOSTILE[kind])

    with pytest.raises(GhostError) as caught:
        import_file(tmp_path / "file", importer)

    assert str(caught.value).startswith(str(tmp_path / "file"))
