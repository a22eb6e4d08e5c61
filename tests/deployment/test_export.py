"""Modules become artefacts that their own runtime computes the same with, or they do not."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ghost_torch
from ghost_torch.exporting.export import EXPORTER
from ghost_torch.exporting.interface import dynamic_shapes, example
from weights import ArgumentError, GhostError, UnsupportedError
from weights.deployment.artefacts import READERS, open_artefact, read_notes
from weights.deployment.notes import Notes
from weights.deployment.proof import sizes
from weights.deployment.runtime import Runtime
from weights.deployment.targets import TARGETS


def layer() -> Any:
    """A layer whose statistics are not those of a new one."""
    torch.manual_seed(0)
    module = ghost_torch.GhostConv(3, 8, 3, padding=1)
    with torch.no_grad():
        module(torch.randn(8, 3, 16, 16) * 2 + 1)
    return module.eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "options"),
    [
        ("pt2", {"dtype": "bfloat16"}),
        pytest.param("onnx", {"form": "training", "layout": "nhwc"}, marks=pytest.mark.matrix),
        pytest.param("onnx", {"dtype": "float16", "size": 24}, marks=pytest.mark.matrix),
        pytest.param("pt2", {"form": "training", "size": (24, 32)}, marks=pytest.mark.matrix),
        pytest.param("aoti", {}, marks=pytest.mark.matrix),
    ],
)
def test_an_artefact_computes_what_the_module_does(tmp_path: Path, to: str, options: Any) -> None:
    path = tmp_path / f"a{TARGETS[to].suffix}"

    exported = ghost_torch.export(layer(), path, to=to, **options)

    assert exported.proof is not None
    assert exported.proof.passed
    assert read_notes(path) == (TARGETS[to], exported.notes)
    assert open_artefact(path, threads=1).notes == exported.notes


@pytest.mark.slow
def test_open_sizes_begin_at_the_least_that_the_layer_takes() -> None:
    config = {"c_in": 3, "c_out": 4, "kernel_size": 3, "dilation": 20}
    notes = Notes("ghost_conv", config, "0" * 64)

    assert [dynamic_shapes(notes)["x"][axis].min for axis in (2, 3)] == [41, 41]
    assert example(notes).shape == (2, 3, 41, 41)
    assert sizes(notes) == [(41, 41)] * 3


WITHOUT_COMPILER = """
import ghost_torch
from weights import GhostError

try:
    ghost_torch.export(ghost_torch.GhostConv(3, 8).eval(), "a.aoti.pt2", to="aoti")
except GhostError as error:
    print(error)
"""


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"CXX": "g++", "PATH": "empty"}, "got no g++: install g++, or name another in"),
        ({"CXX": "false"}, "got false, which does not work: install"),
    ],
)
def test_a_machine_without_a_compiler_is_told_which_to_install(
    tmp_path: Path, settings: dict[str, str], text: str
) -> None:
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")} | settings

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert f"aoti needs a C++ compiler here, {text}" in done.stdout
    assert not (tmp_path / "a.aoti.pt2").exists()


@pytest.mark.parametrize(
    ("path", "options", "text"),
    [
        ("a.onnx", {"to": "caffe"}, "`to` must be one of onnx"),
        ("a.pb", {"to": "onnx"}, "`path` must end in .onnx"),
        ("a.onnx", {"to": "onnx", "dtype": "int4"}, "`dtype` must be one of float32"),
        ("a.onnx", {"to": "onnx", "dtype": "bfloat16"}, "`dtype` of onnx must be one of float32"),
        ("a.pt2", {"to": "pt2", "layout": "nhwc"}, "`layout` of pt2 must be one of nchw"),
        ("a.onnx", {"to": "onnx", "layout": "chwn"}, "`layout` must be one of nchw, nhwc"),
        ("a.onnx", {"to": "onnx", "form": "folded"}, "`form` must be one of training, deployed"),
        ("a.onnx", {"to": "onnx", "size": 0}, "`size` must be at least 1, got 0"),
        ("no/a.onnx", {"to": "onnx"}, "no does not exist"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    tmp_path: Path, path: str, options: Any, text: str
) -> None:
    with pytest.raises(GhostError, match=text):
        ghost_torch.export(layer(), tmp_path / path, **options)

    assert list(tmp_path.iterdir()) == []


def test_what_a_converter_raises_is_told_with_what_was_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: Any) -> None:
        raise KeyError("aten::unheard_of")

    monkeypatch.setattr(EXPORTER, "writers", {"pt2": write})

    with pytest.raises(UnsupportedError) as caught:
        ghost_torch.export(layer(), tmp_path / "a.pt2", to="pt2")

    assert str(caught.value) == (
        "the converter to pt2 failed on this module (ghost_conv, deployed, float32, nchw, any "
        "batch, any size): KeyError: \"'aten::unheard_of'\"; try height and width in the place of "
        "open ones (`size`)"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_no_fault_of_the_converter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(EXPORTER, "writers", {"pt2": write})

    with pytest.raises(GhostError, match=r"cannot write .*a.pt2: No space left on device"):
        ghost_torch.export(layer(), tmp_path / "a.pt2", to="pt2")


def test_a_converter_that_knows_no_open_sizes_of_an_architecture_writes_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EXPORTER, "fixed", {"pt2": ["ghost_conv"]})
    monkeypatch.setattr(EXPORTER, "writers", {"pt2": lambda _, path, notes: path.touch()})

    exported = ghost_torch.export(layer(), tmp_path / "a.pt2", to="pt2", verify=False)

    assert exported.notes.size == (32, 32)
    with pytest.raises(ArgumentError, match="must be height and width for pt2 written from torch"):
        ghost_torch.export(layer(), tmp_path / "b.pt2", to="pt2", size="dynamic")


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("mine")

    with pytest.raises(GhostError, match="pass overwrite=True to replace it"):
        ghost_torch.export(layer(), tmp_path / "a.onnx", to="onnx")

    assert (tmp_path / "a.onnx").read_text() == "mine"


def test_what_is_no_module_of_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="`module` must be one of GhostConv"):
        ghost_torch.export(torch.nn.Conv2d(3, 8, 3), tmp_path / "a.onnx", to="onnx")


def test_images_of_another_size_than_a_fixed_one_are_refused() -> None:
    notes = Notes("ghost_conv", {"c_in": 3, "c_out": 4}, "0" * 64, size=(8, 6))

    with pytest.raises(ArgumentError) as caught:
        Runtime(notes, lambda x: x).run(np.zeros((1, 3, 6, 8), np.float32))

    assert str(caught.value) == (
        "the artefact takes images of 8 x 6 (height x width), got 6 x 8: resize them, or export it "
        "without a size"
    )


def test_images_are_run_in_as_many_calls_as_a_runtime_needs() -> None:
    notes = Notes("ghost_conv", {"c_in": 3, "c_out": 4}, "0" * 64)
    calls: list[int] = []
    runtime = Runtime(notes, lambda x: calls.append(len(x)) or x, (4, 8, 8))  # type: ignore[func-returns-value]

    assert runtime.run(np.zeros((9, 3, 8, 6), np.float32)).shape == (9, 3, 8, 6)
    assert calls == [4, 4, 1]
    with pytest.raises(ArgumentError, match=r"at most 8 x 8 \(height x width\), got 9 x 6"):
        runtime.run(np.zeros((1, 3, 9, 6), np.float32))


def test_every_target_has_a_writer_and_a_reader() -> None:
    of_torch = {name for name, target in TARGETS.items() if "torch" in target.columns}

    assert EXPORTER.writers.keys() == of_torch
    assert READERS.keys() == TARGETS.keys()
