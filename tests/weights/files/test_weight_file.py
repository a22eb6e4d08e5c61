"""The interchange file: reproducible bytes, faithful numbers, and a clear word for every damage."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from weights import (
    Config,
    MismatchError,
    configure,
    content_digest,
    read_file,
    read_metadata,
    select,
    write_file,
)
from weights.files.settings import imagenet

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]
ORDERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran": np.asfortranarray,
    "transposed view": lambda a: np.ascontiguousarray(a.T).T,
    "non-contiguous view": lambda a: np.stack([a, a], axis=-1)[..., 0],
    "reversed view": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "big-endian": lambda a: a.astype(">f4"),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}
WRITE_IN_ANOTHER_PROCESS = """
import json, sys
import numpy as np
from weights import configure, write_file
path, config = sys.argv[1], json.loads(sys.argv[2])
names = [spec for spec in configure("ghost_conv", config).tensors()]
tensors = {s.name: np.arange(np.prod(s.shape), dtype="f4").reshape(s.shape) for s in names[::-1]}
write_file(path, "ghost_conv", config, tensors)
"""


def test_what_is_written_is_read(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors = random_tensors(layer)
    source, preprocess = {"importer": "seed"}, imagenet()

    path = tmp_path / "layer.safetensors"
    write_file(
        path,
        "ghost_conv",
        layer.to_dict(),
        tensors,
        source=source,
        preprocess=preprocess,
        classes=("cat", "dog"),
    )
    file = read_file(path)

    assert (file.architecture, file.config) == ("ghost_conv", layer.to_dict())
    assert list(file.tensors) == [spec.name for spec in layer.tensors()]
    for name, array in tensors.items():
        np.testing.assert_array_equal(file.tensors[name], array)
    assert file.metadata["source"] == source
    assert file.metadata["preprocess"] == preprocess
    assert file.metadata["classes"] == ["cat", "dog"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_bit_patterns_survive(tmp_path: Path, layer: Config, dtype: Any) -> None:
    generator, size = np.random.default_rng(1), np.dtype(dtype).itemsize
    tensors = {
        spec.name: np.frombuffer(generator.bytes(size * int(np.prod(spec.shape))), dtype).reshape(
            spec.shape
        )
        for spec in layer.tensors()
    }
    kernel = tensors["primary_conv.0.weight"].copy()
    # A quiet NaN with a payload and the other sign, where random bits may have none.
    kernel.view(f"u{size}")[0, 0, 0, 0] = (1 << 8 * size) - 3
    tensors["primary_conv.0.weight"] = kernel

    write_file(tmp_path / "bits.safetensors", "ghost_conv", layer.to_dict(), tensors)
    file = read_file(tmp_path / "bits.safetensors", allow_invalid=True)

    assert {array.dtype for array in file.tensors.values()} == {np.dtype(dtype)}
    assert np.isnan(kernel[0, 0, 0, 0])
    for name, array in tensors.items():
        assert file.tensors[name].tobytes() == array.tobytes()


def test_the_official_reader_reads_the_file(
    write_layer: Callable[..., Path], layer: Config, random_tensors: Callable[..., Any]
) -> None:
    read = safetensors.numpy.load_file(write_layer("layer.safetensors"))

    for name, array in random_tensors(layer).items():
        np.testing.assert_array_equal(read.pop(name), array)
    assert read == {}


@pytest.mark.parametrize("order", ORDERS)
def test_bytes_do_not_depend_on_the_memory_order(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any], order: str
) -> None:
    tensors = random_tensors(layer)
    laid_out = {name: ORDERS[order](array) for name, array in tensors.items()}

    write_file(tmp_path / "a", "ghost_conv", layer.to_dict(), tensors)
    write_file(tmp_path / "b", "ghost_conv", layer.to_dict(), laid_out)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bytes_do_not_depend_on_the_order_of_names_and_arguments(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors, config = random_tensors(layer), layer.to_dict()

    write_file(tmp_path / "a", "ghost_conv", config, tensors)
    backwards = dict(reversed(tensors.items()))
    write_file(tmp_path / "b", "ghost_conv", dict(reversed(config.items())), backwards)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bytes_do_not_depend_on_how_an_argument_is_spelt(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors, config = random_tensors(layer), layer.to_dict()

    write_file(tmp_path / "a", "ghost_conv", config, tensors)
    write_file(tmp_path / "b", "ghost_conv", config | {"ratio": 3.0, "stride": (2, 2)}, tensors)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process(
    tmp_path: Path, layer: Config, repository: Path
) -> None:
    digests = set()
    for seed in ("1", "2"):
        path = tmp_path / seed
        command = [sys.executable, "-c", WRITE_IN_ANOTHER_PROCESS]
        arguments = [str(path), json.dumps(layer.to_dict())]
        environment = {"PYTHONPATH": str(repository), "PYTHONHASHSEED": seed}
        subprocess.run([*command, *arguments], check=True, env=environment)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    numbered = {
        spec.name: np.arange(np.prod(spec.shape), dtype=np.float32).reshape(spec.shape)
        for spec in layer.tensors()
    }
    write_file(tmp_path / "here", "ghost_conv", layer.to_dict(), numbered)

    assert digests == {hashlib.sha256((tmp_path / "here").read_bytes()).hexdigest()}


def test_the_metadata_is_one_canonical_entry(write_layer: Callable[..., Path]) -> None:
    data = write_layer("layer.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    entry = header["__metadata__"].pop("ghost_weights")

    assert header["__metadata__"] == {}
    assert entry == json.dumps(json.loads(entry), sort_keys=True, separators=(",", ":"))


def test_the_metadata_is_read_without_the_tensors(write_layer: Callable[..., Path]) -> None:
    path = write_layer("layer.safetensors")
    whole = read_file(path).metadata
    data = path.read_bytes()
    path.write_bytes(data[: 8 + int.from_bytes(data[:8], "little")])

    assert read_metadata(path) == whole


def test_tensors_of_another_layer_are_not_written(
    tmp_path: Path, layer: Config, random_tensors: Callable[..., Any]
) -> None:
    tensors = random_tensors(layer)
    del tensors["cheap_conv.1.bias"]

    with pytest.raises(MismatchError) as caught:
        write_file(tmp_path / "a", "ghost_conv", layer.to_dict(), tensors)

    assert caught.value.problems == ("missing tensor 'cheap_conv.1.bias' of shape (6,)",)
    assert not (tmp_path / "a").exists()


def test_a_configuration_that_leaves_defaults_out_is_complete_when_read(
    write_layer: Callable[..., Path], edit_metadata: Callable[..., None]
) -> None:
    path = write_layer("layer.safetensors")
    whole = read_file(path)

    def leave_out(entry: dict[str, Any]) -> None:
        entry["config"] = {k: v for k, v in entry["config"].items() if k != "bn_eps"}
        digests = {name: each["sha256"] for name, each in entry["tensors"].items()}
        entry["content_sha256"] = content_digest("ghost_conv", entry["config"], digests)

    edit_metadata(path, leave_out)
    found = read_file(path)

    assert found.config == whole.config
    assert select(found, "ghost_conv", configure("ghost_conv", whole.config)).problems == []
