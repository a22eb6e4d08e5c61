"""Imports that are refused: checkpoints of something else, requests that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from weights import ArgumentError, FormatError, GhostError, ImportRefused, configure
from weights.importers import import_file

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_conv.0.weight"


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.fixture
def tensors(random_tensors: Callable[..., Any]) -> dict[str, np.ndarray]:
    """The tensors of a small layer."""
    return random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 6}))


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({"weight": zeros(3)}, "holds no such module: looked for 'primary_conv.0.weight'"),
        (
            {PRIMARY: zeros(4, 3)},
            ": tensor 'primary_conv.0.weight' must be a kernel (O, I, height, width), got shape "
            "(4, 3)",
        ),
        (
            {PRIMARY: zeros(4, 3, 1, 1), CHEAP: zeros(0, 1, 3, 3)},
            ": tensor 'cheap_conv.0.weight' must be a kernel (O, I, height, width), got shape "
            "(0, 1, 3, 3)",
        ),
        (
            {PRIMARY: zeros(4, 3, 1, 1), CHEAP: zeros(6, 1, 3, 3)},
            "the cheap convolution must have a multiple of the primary channels, got 6 for 4",
        ),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray], text: str
) -> None:
    save_file(tensors, tmp_path / "foreign.safetensors")

    with pytest.raises(ImportRefused) as caught:
        import_file(tmp_path / "foreign.safetensors", "seed")

    assert str(caught.value).endswith(text)


def test_a_width_that_no_ratio_gives_is_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray]
) -> None:
    save_file(tensors, tmp_path / "foreign.safetensors")

    with pytest.raises(ImportRefused) as caught:
        import_file(tmp_path / "foreign.safetensors", "seed", config={"c_out": 40})

    assert str(caught.value) == (
        "no ratio divides 40 channels into 3 primary and 3 cheap ones with split 'round': give "
        "`c_out`, `ratio` and `split` in the configuration"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"importer": "caffe"},
            "`importer` must be one of seed, timm, huawei, ultralytics, d-li14, paddle, kimm, "
            "kecam, onnx, npz, keras, flax-msgpack, orbax, got 'caffe'",
        ),
        (
            {"importer": "seed", "architecture": "ghost_resnet56"},
            "the importer seed reads ghost_conv, got 'ghost_resnet56'",
        ),
        (
            {"importer": "timm", "architecture": "ghost_resnet20"},
            "holds no such module: looked for 'conv1.primary_conv.0.weight'",
        ),
        ({"importer": "seed", "config": {"stride": 0}}, "`stride` must be at least 1, got 0"),
        (
            {"importer": "seed", "config": {"strides": 2}},
            "the configuration of ghost_conv got an unexpected keyword argument 'strides': is "
            "`stride` meant?",
        ),
    ],
)
def test_a_wrong_request_is_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray], arguments: dict[str, Any], text: str
) -> None:
    save_file(tensors, tmp_path / "foreign.safetensors")

    with pytest.raises(GhostError) as caught:
        import_file(tmp_path / "foreign.safetensors", **arguments)

    assert str(caught.value).endswith(text)


def test_an_interchange_file_needs_no_import(write_layer: Callable[..., Path]) -> None:
    path = write_layer("layer.safetensors")

    with pytest.raises(ImportRefused) as caught:
        import_file(path, "seed")

    assert str(caught.value) == f"{path} is an interchange file already: it needs no import"


@pytest.mark.parametrize("name", ["absent.safetensors", "absent.pt"])
def test_an_absent_source_is_named(tmp_path: Path, name: str) -> None:
    if name.endswith(".pt"):
        pytest.importorskip("torch")

    with pytest.raises(FormatError) as caught:
        import_file(tmp_path / name, "seed")

    assert str(caught.value) == f"cannot read {tmp_path / name}: No such file or directory"


def test_a_group_count_must_be_an_integer(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    save_file(tensors, tmp_path / "foreign.safetensors")

    with pytest.raises(ArgumentError) as caught:
        import_file(tmp_path / "foreign.safetensors", "seed", config={"groups": "two"})

    assert str(caught.value) == "`groups` must be an integer of at least 1, got 'two'"
