"""Images to classes: decoding, resizing and cropping, and one answer from every framework."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from weights import GhostError, configure, write_file
from weights.files.settings import imagenet
from weights.prediction.predict import predict, softmax
from weights.prediction.preprocess import preprocess, read_image

CIFAR = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}
CLASSES = tuple(f"class {index}" for index in range(10))


@pytest.fixture
def network(tmp_path: Path, random_tensors: Callable[..., Any]) -> Callable[..., Path]:
    """Write the file of a small network."""

    def make(**fields: Any) -> Path:
        config = {"num_classes": 10}
        tensors = random_tensors(configure("ghost_resnet20", config))
        fields = {"preprocess": CIFAR, "classes": CLASSES} | fields
        path = tmp_path / "network.safetensors"
        write_file(path, "ghost_resnet20", config, tensors, **fields)
        return path

    return make


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A picture of noise, 40 wide and 36 high."""
    pixels = np.random.default_rng(7).integers(0, 256, (36, 40, 3), np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    return path


def test_pixels_are_scaled_per_channel_and_channels_come_first(image: Path) -> None:
    pixels = np.asarray(Image.open(image)).astype(np.float64)

    x = read_image(image, CIFAR)

    assert (x.shape, x.dtype) == ((1, 3, 36, 40), np.float32)
    expected = (pixels / 255 - CIFAR["mean"]) / CIFAR["std"]
    np.testing.assert_allclose(x[0].transpose(1, 2, 0), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "nearest"])
def test_an_image_is_resized_by_pillow_and_cropped_in_the_middle(image: Path, name: str) -> None:
    settings = CIFAR | {"resize": 18, "crop": [16, 14], "interpolation": name}
    small = np.asarray(Image.open(image).resize((20, 18), Image.Resampling[name.upper()]))

    x = read_image(image, settings)

    assert np.array_equal(x, preprocess(small[None, 1:17, 3:17], CIFAR))


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 3), ("P", 3), ("RGBA", 3), ("CMYK", 3), ("1", 3), ("RGB", 1)]
)
def test_every_mode_is_converted_to_the_channels_of_the_network(
    tmp_path: Path, image: Path, mode: str, channels: int
) -> None:
    other = Image.open(image).convert(mode)
    path = tmp_path / ("other.tif" if mode == "CMYK" else "other.png")
    other.save(path)
    settings = CIFAR | {"mean": [0.5] * channels, "std": [0.2] * channels}

    assert read_image(path, settings).shape == (1, channels, 36, 40)


def test_of_sixteen_bits_the_upper_eight_are_kept(tmp_path: Path) -> None:
    deep = np.array([[0, 255, 256, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")

    x = read_image(tmp_path / "deep.png", {**CIFAR, "mean": [0], "std": [1], "divide_by": 1})

    assert x.ravel().tolist() == [0, 0, 1, 255]


def test_imagenet_settings_are_those_of_timms_evaluation() -> None:
    x = preprocess(np.zeros((1, 300, 400, 3), np.uint8), imagenet())

    assert x.shape == (1, 3, 224, 224)
    np.testing.assert_allclose(x[0, :, 0, 0], [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 50}, "must be at least 50 x 50"),
        ({"resize": 0}, "`preprocess.resize` must be at least 1, got 0"),
        ({"interpolation": "lanczos"}, "must be one of bilinear, bicubic, nearest"),
        ({"flip": True}, "may have crop, interpolation, resize besides"),
        ({"layout": "NCHW"}, "with layout 'NHWC'"),
        ({"mean": [1, 2]}, "must be a list of 1 number (grey) or 3"),
        ({"std": [0.1, 0.1, 0]}, "`preprocess.std` must be a finite number above 0"),
    ],
)
def test_impossible_settings_are_refused(
    image: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(GhostError) as caught:
        read_image(image, CIFAR | settings)

    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)

    with pytest.raises(GhostError) as caught:
        read_image(path, CIFAR)

    assert str(caught.value) == f"cannot read the image {path}: it is none that Pillow knows"


def test_an_image_that_was_cut_off_is_refused_by_name(image: Path) -> None:
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])

    with pytest.raises(GhostError) as caught:
        read_image(image, CIFAR)

    assert str(caught.value).startswith(f"cannot read the image {image}: is it whole? Pillow: ")


@pytest.mark.slow
def test_every_framework_gives_the_same_classes(network: Callable[..., Path], image: Path) -> None:
    predictions = predict(network(), [image], framework="all")
    (found,) = predictions.images
    difference = found.difference()

    assert list(found.logits) == ["torch", "jax", "tf"]
    assert difference is not None
    assert difference.value <= 1e-4 * difference.largest_logit
    assert len(set(map(tuple, found.best(5).values()))) == 1
    assert predictions.label(3) == "class 3"


def test_logits_are_those_of_the_module_itself(network: Callable[..., Path], image: Path) -> None:
    torch = pytest.importorskip("torch")
    import ghost_torch

    path = network()
    module = ghost_torch.from_file(path).eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(read_image(image, CIFAR)))[0].numpy()

    (found,) = predict(path, [image], framework="torch").images

    assert np.array_equal(found.logits["torch"].astype(np.float32), expected)
    np.testing.assert_allclose(softmax(expected).sum(), 1, rtol=1e-6)


@pytest.mark.slow
def test_the_command_prints_the_classes_and_the_largest_difference(
    run: Callable[..., Result], network: Callable[..., Path], image: Path
) -> None:
    result = run("predict", network(), image, image, "--framework", "all", "--top", "3")

    assert result.exit_code == 0
    assert result.stdout.count("largest difference of a logit:") == 2
    assert result.stdout.count("class ") == 2 * (3 * 3 + 1)


def test_the_command_prints_one_json_document(
    run: Callable[..., Result], network: Callable[..., Path], image: Path
) -> None:
    result = run("predict", network(classes=None), image, "--json", "--framework", "torch")
    document = json.loads(result.stdout)

    (found,) = document["images"]
    best = found["frameworks"]["torch"]
    assert [each["class"] for each in best] == [str(each["index"]) for each in best]
    assert len(best) == 5
    assert found["largest_difference"] is None


def test_settings_given_win_over_those_of_the_file(
    run: Callable[..., Result], network: Callable[..., Path], image: Path
) -> None:
    path = network(preprocess=None)

    refused = run("predict", path, image, "--framework", "torch")
    given = ("--preprocess", json.dumps(CIFAR | {"crop": 32}))
    result = run("predict", path, image, "--framework", "torch", *given)

    assert refused.exit_code == 1
    assert "does not say how images become its input: give it with --preprocess" in refused.stderr
    assert "at 32 x 32" in result.stdout


def test_settings_that_are_only_assumed_are_told_each_time(
    run: Callable[..., Result], network: Callable[..., Path], image: Path
) -> None:
    path = network(source={"assumed": {"preprocess": "CIFAR-10"}})
    command = ("predict", path, image, "--framework", "torch")

    assert "preprocess: that of CIFAR-10 is only assumed" in run(*command).stdout
    assert json.loads(run(*command, "--json").stdout)["preprocess_assumed"] == "CIFAR-10"
    assert "assumed" not in run(*command, "--preprocess", "0.5 0.5").stdout


def test_a_layer_has_nothing_to_predict(
    run: Callable[..., Result], tmp_path: Path, random_tensors: Callable[..., Any], image: Path
) -> None:
    config = {"c_in": 3, "c_out": 8}
    layer = tmp_path / "layer.safetensors"
    write_file(layer, "ghost_conv", config, random_tensors(configure("ghost_conv", config)))

    result = run("predict", layer, image)

    assert result.exit_code == 1
    assert "predict needs a network with a classifier" in result.stderr


def test_the_wrong_number_of_class_names_is_refused(
    network: Callable[..., Path], image: Path
) -> None:
    with pytest.raises(GhostError, match="`classes` must name each of the 10 classes, got 2"):
        predict(network(classes=("cat", "dog")), [image], framework="torch")
