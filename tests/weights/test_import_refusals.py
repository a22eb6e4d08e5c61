"""Imports that are refused: checkpoints of something else, requests that make no sense."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from weights import ArgumentError, FormatError, GhostError, ImportRefused, configure, kinds
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
            {"importer": "kecam"},
            "`importer` must be one of seed, timm, huawei, ultralytics, d-li14, npz, keras, "
            "flax-msgpack, orbax, got 'kecam'",
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


OTHER_FILES = [
    (b"", "empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid", "a git-lfs pointer: run `git lfs pull`"),
    (b"\n<HTML><head>", "an HTML page, perhaps the error of a download"),
    (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras' .weights.h5): try --from keras"),
    (b"\x81\xa4conv", "a msgpack file: try --from flax-msgpack"),
    (b"hello", "text"),
    (bytes(64), "of no kind that this package knows"),
    (bytes(range(200, 256)), "of no kind that this package knows"),
]


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".bin", ".safetensors", ".h5", ""])
@pytest.mark.parametrize(("content", "what"), OTHER_FILES)
def test_a_file_of_another_kind_is_told_for_what_it_is(
    tmp_path: Path, content: bytes, what: str, suffix: str
) -> None:
    path = tmp_path / f"download{suffix}"
    path.write_bytes(content)

    with pytest.raises(FormatError) as caught:
        import_file(path, "timm")

    assert str(caught.value) == (
        f"{path} is no file of PyTorch, NumPy or safetensors: it is {what}"
    )


@pytest.mark.parametrize("importer", ["npz", "keras", "flax-msgpack"])
@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x08\x07\x12\x07pytorch", b"\x93NUMPY"]
)
def test_a_container_of_another_kind_is_told_for_what_it_is(
    tmp_path: Path, importer: str, content: bytes
) -> None:
    path = tmp_path / "download.weights.h5"
    path.write_bytes(content)

    with pytest.raises(FormatError) as caught:
        import_file(path, importer)

    what = kinds.kind(content)
    assert str(caught.value) == f"{path} is not what --from {importer} reads: it is {what}"


@pytest.mark.parametrize("suffix", [".weights", ".safetensors", ".npz", ""])
@pytest.mark.parametrize("content", ["torch", "npz", "safetensors"])
def test_content_decides_what_a_file_is_and_not_its_suffix(
    tmp_path: Path, tensors: dict[str, np.ndarray], content: str, suffix: str
) -> None:
    path = tmp_path / f"kopi{suffix}"
    if content == "safetensors":
        save_file(tensors, path)
    else:
        path.write_bytes(written(content, tensors))

    assert import_file(path, "seed").tensors.keys() == tensors.keys()


def written(content: str, tensors: dict[str, np.ndarray]) -> bytes:
    """The bytes of a checkpoint."""
    stream = io.BytesIO()
    if content == "npz":
        np.savez(stream, **tensors)
    else:
        torch = pytest.importorskip("torch")
        torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, stream)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_is_refused_by_what_it_asks_for(tmp_path: Path, protocol: int) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps({"run": print}, protocol=protocol))

    with pytest.raises(GhostError) as caught:
        import_file(path, "seed")

    asks = "it asks for 'builtins.print'" if protocol == 4 else "it asks for '__builtin__.print'"
    assert (asks if protocol else "it is text") in str(caught.value)


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
