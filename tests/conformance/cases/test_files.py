"""The files of sequences: each is what its name says, and is told by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cases import files
from conformance.cases.model import Model, plain_weights
from conformance.cases.sequences import LAYER
from weights import FormatWarning, GhostError, read_file

MODEL = Model("ghost_conv", LAYER, plain_weights("ghost_conv", LAYER))
# What a reader says of each; of another module only who loads it can tell.
TEXTS = {
    "of another width": "",
    "in float16": "",
    "in float64": "",
    "empty": "it is empty",
    "cut in its header": "its header claims",
    "a byte short": "it is cut short",
    "a byte long": "1 bytes follow its tensors",
    "annotation changed": "preprocess, classes, order or source changed",
    "bit flipped": "damaged tensors (SHA-256 differs)",
    "with a hole": "leave a hole",
    "with tensors that overlap": "overlap",
    "of another shape": "primary_conv.1.weight",
    "without a tensor": "primary_conv.1.weight",
    "with a tensor more": "primary_conv.2.weight",
    "with a name twice": "has 'invented' twice",
    "with NaN": "NaN, which is no number",
    "with infinity": "-Infinity, which is no number",
    "with a number beyond float64": "the ghost_weights entry has",
    "with half a surrogate pair": "the ghost_weights entry",
    "too deep": "nested",
    "without its entry": "it has no ghost_weights entry",
    "of version 2.0": "has format version 2.0",
    "of an unknown architecture": "ghost_conv_v9",
    "of an argument that breaks a rule": "`dw_kernel_size` must be odd",
    "without a required argument": "c_in",
    "of another kind": "declares other tensors or kinds",
    "of another digest": "damaged tensors (SHA-256 differs)",
    "of another content": "architecture or configuration changed",
}


def test_every_damaged_file_has_its_text() -> None:
    assert set(TEXTS) == set(files.DAMAGED)


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if text])
def test_a_damaged_file_is_refused_for_its_damage_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    files.write(path, name, MODEL)

    with pytest.raises(GhostError) as refused:
        read_file(path)
    assert TEXTS[name] in str(refused.value)


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if not text])
def test_a_file_of_another_module_is_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    files.write(path, name, MODEL)

    assert read_file(path).architecture == "ghost_conv"


def test_a_file_with_annotations_has_them(tmp_path: Path) -> None:
    files.write(tmp_path / "a.safetensors", files.NOTED, MODEL)
    metadata = read_file(tmp_path / "a.safetensors").metadata

    assert metadata["format_version"] == "1.1"
    assert metadata["classes"] == ["cat", "dog"]


def test_a_newer_file_is_read_with_a_warning(tmp_path: Path) -> None:
    files.write(tmp_path / "a.safetensors", files.NEWER, MODEL)

    with pytest.warns(FormatWarning, match=r"has format version 1\.9"):
        found = read_file(tmp_path / "a.safetensors")
    assert found.config["bn_momentum"] == 0.1
    assert "invented" in found.metadata
