"""Artefacts that are not of a weight file are refused, whatever their notes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

import ghost_torch
from ghost_torch.exporting.export import EXPORTER
from ghost_torch.exporting.pt2 import write_pt2
from weights import ArtefactError, FormatError, GhostError, read_file, write_file
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.verify import verify

SETTINGS: Any = {"divide_by": 255.0, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.25] * 3}
CONFIG = {"c_in": 3, "c_out": 8, "kernel_size": 3, "padding": 1}


class Right:
    """A weight file, the ONNX model of it, and the notes of that."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        module = ghost_torch.GhostConv(**CONFIG)
        with torch.no_grad():
            module(torch.randn(8, 3, 16, 16) * 2 + 1)
        self.file, self.model = folder / "a.safetensors", folder / "a.onnx"
        state = ghost_torch.state(module)
        write_file(self.file, "ghost_conv", CONFIG, state, preprocess=SETTINGS)
        exported = ghost_torch.export(ghost_torch.from_file(self.file), self.model, to="onnx")
        self.notes = exported.notes

    def module(self, **changed: Any) -> Any:
        """The module, with other arguments than the file's."""
        made = ghost_torch.GhostConv(**CONFIG | changed)
        ghost_torch.set_state(made, read_file(self.file).tensors)
        return made.eval()


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Right:
    return Right(tmp_path_factory.mktemp("right"))


def changed_model(right: Right, path: Path, change: Callable[[Any], Any]) -> Path:
    """The ONNX model after a change."""
    model = onnx.load(right.model)
    change(model)
    onnx.save(model, path / "b.onnx")
    return path / "b.onnx"


def with_notes(text: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        del model.metadata_props[:]
        model.metadata_props.add(key=ENTRY, value=text)

    return change


@pytest.mark.slow
def test_the_right_artefact_is_accepted(right: Right) -> None:
    _, proof = verify(right.model, right.file)

    assert proof.passed


NOTES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "weights of another file": ({"weights_sha256": "0" * 64}, ArtefactError, "weights_sha256: '0"),
    "another configuration": ({"config": {**CONFIG, "ratio": 4}}, ArtefactError, "config: "),
    "wrong preprocessing": (
        {"preprocess": {**SETTINGS, "std": [0.5] * 3}}, ArtefactError, "preprocess: ",
    ),
    "classes that the file has not": ({"classes": ["cat"]}, ArtefactError, "classes: "),
    "wrong layout": ({"layout": "nhwc"}, ArtefactError, "cannot run on images"),
    "a wrong name of the input": ({"input": "x"}, ArtefactError, "cannot run on images"),
    "a wrong type": ({"dtype": "int4"}, FormatError, "`dtype` must be one of"),
    "a field of another version": ({"speed": 3}, FormatError, "an object without speed"),
    "no architecture": ({"architecture": 1}, FormatError, "`architecture` must be one of"),
    "a digest that is none": ({"weights_sha256": "a"}, FormatError, "`weights_sha256` must be"),
    "a batch of none": ({"batch": 0}, FormatError, "`batch` must be an integer of at least 1"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTES)
def test_notes_that_are_not_of_the_file_are_named(right: Right, tmp_path: Path, name: str) -> None:
    entries, kind, text = NOTES[name]
    said = json.dumps(json.loads(right.notes.to_json()) | entries)
    path = changed_model(right, tmp_path, with_notes(said))

    with pytest.raises(kind, match=text):
        verify(path, right.file)


def without_notes(model: Any) -> None:
    del model.metadata_props[:]


def in_another_file(model: Any) -> None:
    model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


FILES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "metadata removed": (without_notes, "has no notes of this project"),
    "notes that are no JSON": (with_notes("{"), "is not JSON"),
    "notes without end": (with_notes(" " * 3_000_000), "more than 2000000"),
    "tensors in another file": (in_another_file, "keeps tensors in other files"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_model_that_cannot_be_trusted_is_refused(right: Right, tmp_path: Path, name: str) -> None:
    change, text = FILES[name]

    with pytest.raises(FormatError, match=text):
        verify(changed_model(right, tmp_path, change), right.file)


@pytest.mark.slow
def test_a_model_that_is_cut_short_is_refused(right: Right, tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(right.model.read_bytes()[:1000])

    with pytest.raises(FormatError, match="no whole ONNX model"):
        verify(tmp_path / "b.onnx", right.file)


def other_weights(right: Right) -> Any:
    torch.manual_seed(1)
    return ghost_torch.GhostConv(**CONFIG).eval()


def transposed(right: Right) -> Any:
    module = right.module()
    with torch.no_grad():
        module.primary_conv[0].weight.copy_(module.primary_conv[0].weight.mT.clone())
    return module


def nudged(right: Right) -> Any:
    module = right.module()
    with torch.no_grad():
        module.cheap_conv[0].weight[0, 0, 0, 0] *= 1.001
    return module


FORGERIES: dict[str, Callable[[Right], Any]] = {
    "weights of another file": other_weights,
    "eps changed": lambda right: right.module(bn_eps=1e-3),
    "a transposed kernel": transposed,
    "another activation": lambda right: right.module(activation="silu"),
    "one weight off by a thousandth": nudged,
}


OFTEN = ("eps changed", "a transposed kernel")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in OFTEN else pytest.mark.matrix) for name in FORGERIES],
)
def test_right_notes_do_not_help_a_wrong_program(right: Right, tmp_path: Path, name: str) -> None:
    write_pt2(FORGERIES[name](right), tmp_path / "b.pt2", replace(right.notes, size=(16, 16)))

    with pytest.raises(ArtefactError, match="does not compute what its weights do"):
        verify(tmp_path / "b.pt2", right.file, trusted=True)


@pytest.mark.slow
def test_a_program_that_takes_one_size_cannot_say_that_it_takes_any(
    right: Right, tmp_path: Path
) -> None:
    write_pt2(right.module(), tmp_path / "b.pt2", FixedSize(**vars(right.notes)))

    with pytest.raises(ArtefactError, match="cannot run on images"):
        verify(tmp_path / "b.pt2", right.file, trusted=True)


class FixedSize(Notes):
    """Notes that tell the writer one size, and the reader any."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", (16, 16))

    def to_json(self) -> str:
        found = json.loads(super().to_json())
        return json.dumps({name: value for name, value in found.items() if name != "size"})


@pytest.mark.slow
def test_a_program_is_run_only_where_it_is_trusted(right: Right, tmp_path: Path) -> None:
    write_pt2(right.module(), tmp_path / "b.pt2", replace(right.notes, size=(16, 16)))

    with pytest.raises(GhostError, match="is a program, which may do anything"):
        verify(tmp_path / "b.pt2", right.file)


@pytest.mark.slow
def test_nothing_is_left_of_an_artefact_that_did_not_pass(
    right: Right, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        EXPORTER.writers,  # type: ignore[arg-type]
        "pt2",
        lambda module, path, notes: write_pt2(other_weights(right), path, notes),
    )

    with pytest.raises(ArtefactError, match="does not compute"):
        ghost_torch.export(right.module(), tmp_path / "b.pt2", to="pt2", size=16)

    assert list(tmp_path.iterdir()) == []
