"""The content of a foreign file tells its type, whatever it is called."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from weights import FormatError, GhostError, configure
from weights.files import file_types
from weights.importers import import_file


@pytest.fixture
def tensors(random_tensors: Callable[..., Any]) -> dict[str, np.ndarray]:
    """The tensors of a small layer."""
    return random_tensors(configure("ghost_conv", {"c_in": 4, "c_out": 6}))


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

    what = file_types.file_type(content)
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


@pytest.mark.slow
@pytest.mark.parametrize("config", [None, [], "text", 7, {"c_in": 3}])
def test_a_model_of_keras_whose_configuration_is_odd_is_refused(
    tmp_path: Path, config: Any
) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/vars/0"] = np.zeros(3, np.float32)
    with zipfile.ZipFile(tmp_path / "model", "w") as archive:
        said = {"registered_name": "ghost_tf>GhostConv", "config": config}
        archive.writestr("config.json", json.dumps(said))
        archive.writestr("model.weights.h5", (tmp_path / "w.h5").read_bytes())

    with pytest.raises(GhostError, match=r"does not say which module|the configuration of ghost_"):
        import_file(tmp_path / "model", "keras")
