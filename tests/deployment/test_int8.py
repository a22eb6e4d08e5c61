"""A network in int8 keeps its name only where it keeps its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ghost_torch
from weights import ArgumentError, ArtefactError, GhostError
from weights.deployment.artefacts import open_artefact
from weights.deployment.inventory import Inventory, Stored
from weights.deployment.quantising.equalising import equalised
from weights.deployment.quantising.quantise import Int8, inventory_of, quantise
from weights.deployment.quantising.samples import Samples
from weights.deployment.quantising.verdict import judge
from weights.files.storage import write_safetensors
from weights.prediction.collections import read_samples

SETTINGS: Any = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5], "std": [0.25]}


def network() -> Any:
    """A network whose ghost channels differ in range a hundredfold, as trained ones do."""
    torch.manual_seed(0)
    module = ghost_torch.GhostResNet20(num_classes=4, in_chans=1)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("primary_conv.1.weight"):
                parameter[:2] *= 100
        for _ in range(3):
            module(torch.from_numpy(images(16)))
    return module.eval()


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 1, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network in float, which takes seconds to export."""
    path: Path = tmp_path_factory.mktemp("int8")
    module = network()
    tensors = equalised(module.architecture, module.config, ghost_torch.state(module))
    assert tensors is not None
    ghost_torch.set_state(module, tensors)
    ghost_torch.export(module, path / "float.onnx", to="onnx", size=8, verify=False)
    return path


@pytest.mark.slow
def test_an_int8_model_predicts_as_in_float(folder: Path) -> None:
    x, path = images(40), folder / "a.onnx"
    labels = open_artefact(folder / "float.onnx").run(x).argmax(1)

    made = quantise(folder / "float.onnx", path, "onnx", Int8(Samples(x, labels)))

    assert made.verdict.passed and not made.ranking
    assert open_artefact(path).notes.dtype == "int8"
    found = inventory_of("onnx", path)
    assert found is not None and found.fault is None
    assert found.counts["int8 per channel"][0] == 39  # 38 convolutions and a matrix


def test_no_image_that_sets_the_ranges_is_judged() -> None:
    x, labels = images(300), np.arange(300) % 4

    ranges, judged = Int8(Samples(x, labels)).split()

    assert (len(ranges), len(judged)) == (100, 200)
    assert len(np.unique(np.concatenate([ranges.x, judged.x]), axis=0)) == 300
    assert judged.labels is not None and len(judged.labels) == 200
    assert len(Int8(Samples(x[:5])).split()[0]) == 2
    ranges, judged = Int8(Samples(x), Samples(x[:7])).split()
    assert (len(ranges), len(judged)) == (100, 7)
    with pytest.raises(ArgumentError, match="`ranges` must be 2 images or more where no others"):
        Int8(Samples(x[:1])).split()


@pytest.mark.slow
def test_the_worst_stages_stay_in_float(folder: Path) -> None:
    wanted = Int8(Samples(images(20)), keep_float=2, most_lost=100)

    made = quantise(folder / "float.onnx", folder / "a.onnx", "onnx", wanted)

    assert made.without is not None
    errors = [each.error for each in made.ranking]
    assert errors == sorted(errors, reverse=True)
    assert made.kept == tuple(each.stage for each in made.ranking[:2])
    found = inventory_of("onnx", folder / "a.onnx")
    assert found is not None and found.counts["int8 per channel"][0] < 39
    too_many = Int8(Samples(images(20)), keep_float=99, most_lost=100)
    with pytest.raises(ArgumentError, match="`keep_float` must leave a stage in int8, at most 10"):
        quantise(folder / "float.onnx", folder / "a.onnx", "onnx", too_many)


@pytest.mark.slow
def test_what_loses_too_much_is_refused_with_the_worst_stages(folder: Path) -> None:
    wanted = Int8(Samples(images(20)), most_lost=-1)

    with pytest.raises(
        ArtefactError, match=r"loses more than it may; .*\n.*\n.*each alone in int8"
    ):
        quantise(folder / "float.onnx", folder / "a.onnx", "onnx", wanted)


def test_images_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    wanted = Int8(Samples(np.zeros((2, 3, 8, 8), np.float32)))

    with pytest.raises(ArgumentError, match="`in_chans`"):
        ghost_torch.export(network(), tmp_path / "a.onnx", to="onnx", int8=wanted)
    assert list(tmp_path.iterdir()) == []


def test_channels_of_one_range_compute_the_same() -> None:
    module, x = network().double(), torch.from_numpy(images(4)).double()
    tensors = equalised(module.architecture, module.config, ghost_torch.state(module))
    assert tensors is not None
    changed = network().double()
    ghost_torch.set_state(changed, tensors)

    with torch.no_grad():
        assert torch.allclose(module(x), changed(x), rtol=1e-9)
    weights = tensors["layer1.0.conv1.primary_conv.1.weight"]
    assert np.ptp(np.log(np.abs(weights))) < np.ptp(
        np.log(np.abs(ghost_torch.state(module)["layer1.0.conv1.primary_conv.1.weight"]))
    )


@pytest.mark.parametrize(
    ("x", "labels", "text"),
    [
        (np.zeros((0, 1, 8, 8), np.float32), None, "`x` must be .N, C, H, W. in float32"),
        (np.zeros((2, 1, 8, 8)), None, "got float64"),
        (np.full((2, 1, 8, 8), np.nan, np.float32), None, "`x` must be finite"),
        (images(2), np.zeros(3, int), "`labels` must be 2 integers"),
        (images(2), np.zeros(2), "`labels` must be 2 integers"),
        (images(2), np.array([0, 4]), "`labels` must be indices of the 4 classes, got 0 to 4"),
        (np.zeros((2, 3, 8, 8), np.float32), None, "`in_chans`"),
    ],
)
def test_images_that_do_not_fit_are_refused(x: Any, labels: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Samples(x, labels).check(network().plan)


def test_a_verdict_counts_accuracy_where_it_can() -> None:
    samples = Samples(images(4), np.array([0, 0, 1, 1]))
    exact, made = np.eye(2)[[0, 0, 1, 0]], np.eye(2)[[0, 1, 1, 1]]

    assert judge(exact, made, samples, 1.0).lost == 0
    assert judge(exact, made, Samples(samples.x), 1.0).lost == 50


def test_one_scale_for_a_depthwise_kernel_is_named() -> None:
    good = Stored("a", "int8", 72, 8, is_depthwise=True)
    bad = Stored("b", "int8", 72, 1, is_depthwise=True)

    assert Inventory.of([good, Stored("c", "int8", 9, 1)]).fault is None
    assert "1 depthwise convolutions are quantised per tensor" in str(
        Inventory.of([good, bad]).fault
    )
    assert Inventory.of([good, bad]).counts == {
        "int8 per channel": (1, 72),
        "int8 per tensor": (1, 72),
    }


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_a_file_of_images_gives_inputs_and_labels(tmp_path: Path, ending: str) -> None:
    arrays = {"images": np.full((3, 4, 4, 1), 255, np.uint8), "labels": np.arange(3)}
    path = tmp_path / f"a{ending}"
    if ending == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    else:
        write_safetensors(path, arrays, {})

    samples = read_samples(path, SETTINGS)

    assert samples.x.shape == (3, 1, 4, 4) and (samples.x == 2).all()
    assert samples.labels is not None and samples.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"labels": np.arange(3)}, "must hold `images`"),
        ({"images": np.zeros((0, 4, 4, 1))}, "must hold 1 to 16384 images, got 0"),
        ({"images": np.array(["a"])}, "`images` must be numbers"),
        ({"images": np.zeros((2, 4, 4, 3))}, "images must be .N, H, W, C. with C = 1"),
        ({"images": np.zeros((2, 4, 4, 1)), "labels": np.arange(3)}, "`labels` must be 2 integers"),
    ],
)
def test_a_file_without_usable_images_is_refused(tmp_path: Path, arrays: Any, text: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)

    with pytest.raises(GhostError, match=text):
        read_samples(tmp_path / "a.npz", SETTINGS)


def test_a_folder_of_images_must_have_one_size(tmp_path: Path) -> None:
    from PIL import Image

    with pytest.raises(GhostError, match="must hold 1 to 16384 images, got 0"):
        read_samples(tmp_path, SETTINGS)
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert read_samples(tmp_path, SETTINGS).x.shape == (1, 1, 4, 4)
    Image.new("L", (4, 6)).save(tmp_path / "b.png")
    with pytest.raises(GhostError, match=r"must have one size, got 4 x 4 and 6 x 4 .* at b.png"):
        read_samples(tmp_path, SETTINGS)
    with pytest.raises(GhostError, match="images need `preprocess`"):
        read_samples(tmp_path, None)
