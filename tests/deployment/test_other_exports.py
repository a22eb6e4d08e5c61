"""Keras' and JAX' modules become artefacts, and what is none is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import COLUMNS, tensors_of
from weights import FormatError, GhostError
from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.targets import TARGETS
from weights.files.storage import write_safetensors

CONFIG: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "stride": 2}
PACKAGES = {column.name.removeprefix("ghost_"): column for column in COLUMNS}
NAMES = {"saved-model": "tf", "litert": "tf", "stablehlo": "jax"}


def layer(column: str) -> Any:
    """A layer with random tensors."""
    return PACKAGES[column].load("ghost_conv", tensors_of("ghost_conv", **CONFIG), **CONFIG)


def place(folder: Path, target: str) -> Path:
    return folder / f"artefact{TARGETS[target].suffix}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("saved-model", {}),
        ("litert", {"form": "training", "layout": "nchw"}),
        ("litert", {"dtype": "float16", "size": (12, 9)}),
        ("stablehlo", {"size": 10}),
    ],
)
def test_an_artefact_computes_what_the_module_does(
    tmp_path: Path, target: str, options: dict[str, Any]
) -> None:
    path = place(tmp_path, target)
    package = PACKAGES[NAMES[target]].package
    exported = package.export(layer(NAMES[target]), path, to=target, **options)

    assert exported.proof.passed
    assert open_artefact(path).notes == exported.notes
    assert read_notes(path)[0].name == target


@pytest.mark.matrix
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("target", ["saved-model", "stablehlo"])
def test_narrow_types_are_proved_by_their_own_roundoff(
    tmp_path: Path, target: str, dtype: str
) -> None:
    package = PACKAGES[NAMES[target]].package

    exported = package.export(layer(NAMES[target]), place(tmp_path, target), to=target, dtype=dtype)

    assert exported.proof.passed
    assert exported.proof.worst.error > 1e-5


@pytest.mark.runtimes
@pytest.mark.parametrize(
    ("column", "options"),
    [("tf", {}), ("tf", {"dtype": "float16", "layout": "nchw"}), ("jax", {"form": "training"})],
)
def test_onnx_is_written_from_keras_and_jax_too(
    tmp_path: Path, column: str, options: dict[str, Any]
) -> None:
    package = PACKAGES[column].package

    exported = package.export(layer(column), tmp_path / "a.onnx", to="onnx", **options)

    assert exported.proof.passed


@pytest.mark.parametrize("target", NAMES)
def test_what_is_no_artefact_is_refused(tmp_path: Path, target: str) -> None:
    path = place(tmp_path, target)
    if TARGETS[target].member:
        path.mkdir()
    Path(path, TARGETS[target].member).write_bytes(b"\x07" * 100)

    with pytest.raises(FormatError, match=r"is no whole|not a safetensors"):
        read_notes(path)


def test_a_file_of_stablehlo_without_notes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.stablehlo"
    write_safetensors(path, {"program": np.zeros(3, np.uint8)}, {"format": "pt"})

    with pytest.raises(FormatError, match="without the notes of this project"):
        open_artefact(path)


@pytest.mark.parametrize(
    ("column", "target", "options", "text"),
    [
        ("jax", "litert", {}, "litert must be written from tf, got a module of jax"),
        ("tf", "stablehlo", {}, "stablehlo must be written from jax, got a module of tf"),
        ("tf", "litert", {"dtype": "bfloat16"}, "`dtype` of litert must be one of float32"),
        ("jax", "onnx", {"dtype": "float16"}, "`dtype` of onnx must be float32 for a Flax module"),
    ],
)
def test_what_a_column_cannot_write_is_refused(
    tmp_path: Path, column: str, target: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(GhostError, match=text):
        PACKAGES[column].package.export(
            layer(column), place(tmp_path, target), to=target, **options
        )

    assert list(tmp_path.iterdir()) == []
