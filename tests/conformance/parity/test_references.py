"""Inputs and recorded outputs that parity reads: what they may be called, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conformance.cases.model import Model
from conformance.judging.stages import oracle_run, stage_names
from conformance.parity.references import read_input, read_recorded
from conformance.parity.trials import prepare_experiment
from tests.conformance.parity.networks import fresh_resnet, write
from weights import GhostError, WeightFile, read_file, write_file
from weights.files.storage import write_safetensors

SETTINGS = {"divide_by": 2, "layout": "NHWC", "mean": [0.0] * 3, "std": [0.5] * 3}
X = np.arange(6, dtype=np.float64).reshape(1, 3, 1, 2)
LOGITS = np.ones((1, 10))
MAPS = np.zeros((1, 16, 1, 2))


@pytest.fixture
def file(tmp_path: Path) -> WeightFile:
    network, path = fresh_resnet(), tmp_path / "network.safetensors"
    tensors = network.tensors
    write_file(path, network.architecture, network.config, tensors, preprocess=SETTINGS)
    return read_file(path)


def written(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    path = folder / "arrays.safetensors"
    write_safetensors(path, arrays, {"about": "arrays"})
    return path


def read(path: Path, file: WeightFile) -> list:
    return read_recorded(path, file, stage_names(file.architecture, file.config))


def test_an_input_is_rounded_to_float32(file: WeightFile, tmp_path: Path) -> None:
    x = read_input(written(tmp_path, {"x": X}), file)

    assert x.dtype == np.float32
    assert x.tolist() == X.tolist()


def test_images_are_preprocessed_as_the_weight_file_says(file: WeightFile, tmp_path: Path) -> None:
    images = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)

    x = read_input(written(tmp_path, {"images": images}), file)

    assert x.tolist() == images.transpose(0, 3, 1, 2).astype(float).tolist()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("images", "does not say how they are preprocessed: import it again, or give `x`"),
        ("pictures", r"must hold `x` \(N, C, H, W\) or `images`, got pictures"),
    ],
)
def test_an_input_that_means_nothing_is_refused(name: str, text: str, tmp_path: Path) -> None:
    plain = read_file(write(fresh_resnet(), tmp_path))
    path = written(tmp_path, {name: np.zeros((1, 8, 8, 3))})

    with pytest.raises(GhostError, match=text):
        read_input(path, plain)


def test_every_input_starts_a_case(file: WeightFile, tmp_path: Path) -> None:
    arrays = {
        f"{case}.{name}": a for case in "ab" for name, a in (("input", X), ("logits", LOGITS))
    }

    cases = read(written(tmp_path, arrays), file)

    assert [(case.label, list(case.outputs)) for case in cases] == [
        ("a", ["logits"]),
        ("b", ["logits"]),
    ]


@pytest.mark.parametrize("name", ["input", "x"])
def test_a_single_case_needs_no_name(name: str, file: WeightFile, tmp_path: Path) -> None:
    (case,) = read(written(tmp_path, {name: X, "logits": LOGITS}), file)

    assert (case.label, list(case.outputs)) == ("arrays", ["logits"])


def test_stages_are_in_the_order_of_the_network(file: WeightFile, tmp_path: Path) -> None:
    arrays = {"logits": LOGITS, "layer1": MAPS, "stem.mean_hw": MAPS[:, :, 0, 0], "input": X}

    (case,) = read(written(tmp_path, arrays), file)

    assert list(case.outputs) == ["stem", "layer1", "logits"]
    assert case.means == {"stem"}


def test_numbered_stages_are_the_feature_maps(tmp_path: Path) -> None:
    file = WeightFile("ghostnet", {"width": 0.25}, {}, {})
    arrays = {"input": X} | {f"stage{number}.mean_hw": np.zeros((1, 4)) for number in range(5)}

    (case,) = read(written(tmp_path, arrays), file)

    assert list(case.outputs) == [
        "conv_stem",
        "blocks.1.0",
        "blocks.3.0",
        "blocks.5.0",
        "blocks.7.0",
    ]


def test_recorded_means_are_held_against_means(file: WeightFile, tmp_path: Path) -> None:
    x = np.random.Generator(np.random.PCG64(1)).normal(size=(2, 3, 8, 8)).astype(np.float32)
    run = oracle_run(Model.of(file), x)
    arrays = {"input": x, "stem.mean_hw": run.exact["stem"].mean(axis=(2, 3))}

    (case,) = read(written(tmp_path, arrays), file)

    assert case.reference(run).allowed["stem"] < run.reference().allowed["stem"]


def test_what_is_no_stage_is_told(tmp_path: Path) -> None:
    arrays = {"a.input": np.zeros((1, 3, 8, 8)), "a.logits": LOGITS, "a.neck": LOGITS}
    path = written(tmp_path, arrays)

    experiment = prepare_experiment(write(fresh_resnet(), tmp_path), reference=path)

    assert experiment.notes[0] == f"{path} records what is no stage, and was not compared: neck"


def test_records_of_no_stage_are_refused(file: WeightFile, tmp_path: Path) -> None:
    text = "must record outputs of at least one stage .* for the input a, got neck"

    with pytest.raises(GhostError, match=text):
        read(written(tmp_path, {"a.input": X, "a.neck": LOGITS}), file)
