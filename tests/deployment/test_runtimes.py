"""The runtimes that are too heavy for the environment of other tests: `make runtimes`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ghost_torch
from ghost_torch.exporting.interface import LARGEST
from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.targets import TARGETS
from weights.errors import FormatError, GhostError

HEAVY = ("openvino", "ncnn", "executorch")

pytestmark = pytest.mark.runtimes


def network() -> Any:
    torch.manual_seed(0)
    return ghost_torch.GhostNet(0.1, 4).eval()


@pytest.mark.parametrize("form", ["deployed", "training"])
@pytest.mark.parametrize("to", HEAVY)
def test_a_network_computes_the_same_in_the_runtime(tmp_path: Path, to: str, form: str) -> None:
    path = tmp_path / f"a{TARGETS[to].suffix}"

    exported = ghost_torch.export(network(), path, to=to, form=form, size=64)

    assert exported.proof is not None
    assert exported.proof.passed
    assert read_notes(path) == (TARGETS[to], exported.notes)


@pytest.mark.parametrize("to", HEAVY)
def test_a_layer_takes_any_size(tmp_path: Path, to: str) -> None:
    path = tmp_path / f"a{TARGETS[to].suffix}"

    exported = ghost_torch.export(ghost_torch.GhostConv(3, 7, 3, padding=1).eval(), path, to=to)

    assert exported.notes.size is None
    assert len({check.size for check in exported.proof.checks}) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("to", ["openvino", "ncnn"])
def test_weights_of_16_bits_take_half_the_place(tmp_path: Path, to: str) -> None:
    module = ghost_torch.GhostConv(3, 512, 3).eval()
    sizes = {}
    for dtype in TARGETS[to].dtypes:
        exported = ghost_torch.export(module, tmp_path / dtype, to=to, dtype=dtype, size=8)
        sizes[dtype] = sum(file.stat().st_size for file in (tmp_path / dtype).glob("*.bin"))
        assert exported.proof.passed  # type: ignore[union-attr]
        assert open_artefact(tmp_path / dtype).notes.dtype == dtype

    assert 0.4 < sizes["float16"] / sizes["float32"] < 0.6


def test_openvino_takes_channels_last(tmp_path: Path) -> None:
    exported = ghost_torch.export(
        ghost_torch.GhostConv(3, 8).eval(), tmp_path / "a", to="openvino", layout="nhwc"
    )

    assert exported.proof.passed  # type: ignore[union-attr]


def test_executorch_takes_the_usual_size_of_what_it_cannot_leave_open(tmp_path: Path) -> None:
    module = ghost_torch.GhostResNet20(num_classes=4).eval()

    exported = ghost_torch.export(module, tmp_path / "a.pte", to="executorch")

    assert exported.notes.size == (32, 32)
    assert exported.proof.passed  # type: ignore[union-attr]
    with pytest.raises(GhostError, match="`size` of ghost_resnet20 must be height and width for"):
        ghost_torch.export(module, tmp_path / "b.pte", to="executorch", size="dynamic")


def test_executorch_takes_more_images_than_it_reserves_memory_for_in_parts(tmp_path: Path) -> None:
    ghost_torch.export(ghost_torch.GhostConv(3, 8).eval(), tmp_path / "a.pte", to="executorch")

    runtime = open_artefact(tmp_path / "a.pte")

    made = runtime.run(np.zeros((LARGEST[0] + 1, 3, 9, 8), np.float32))

    assert made.shape == (LARGEST[0] + 1, 8, 9, 8)
    assert runtime.largest == (LARGEST[0], LARGEST[1], LARGEST[1])


@pytest.mark.parametrize("size", ["dynamic", 32])
def test_what_ncnn_has_no_layer_for_is_told(tmp_path: Path, size: Any) -> None:
    with pytest.raises(GhostError, match=r"ncnn has no layer for .*torch\.index_select, which"):
        ghost_torch.export(ghost_torch.GhostConvV2(3, 8), tmp_path / "a", to="ncnn", size=size)

    assert list(tmp_path.iterdir()) == []


def test_ncnn_takes_shortcuts_with_a_stride(tmp_path: Path) -> None:
    module = ghost_torch.GhostResNet20(num_classes=4).eval()

    exported = ghost_torch.export(module, tmp_path / "a", to="ncnn")

    assert exported.proof.passed  # type: ignore[union-attr]


@pytest.mark.parametrize("to", HEAVY)
def test_an_artefact_that_is_cut_short_is_refused(tmp_path: Path, to: str) -> None:
    path = tmp_path / f"a{TARGETS[to].suffix}"
    ghost_torch.export(ghost_torch.GhostConv(3, 8).eval(), path, to=to, verify=False)
    member = path / TARGETS[to].member
    file = path if path.is_file() else member
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])

    with pytest.raises(FormatError, match="cannot"):
        open_artefact(path)


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")

    with pytest.raises(GhostError, match="no folder of openvino, which alone may be replaced"):
        ghost_torch.export(
            ghost_torch.GhostConv(3, 8), tmp_path / "mine", to="openvino", overwrite=True
        )

    assert (tmp_path / "mine" / "letter").read_text() == "dear"
