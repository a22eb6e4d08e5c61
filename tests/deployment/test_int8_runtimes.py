"""Networks in int8 in the runtimes whose quantisers are no part of `all`: `make runtimes`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ghost_tf
import ghost_torch
from tests.deployment.test_page import PAGE
from weights.deployment.artefacts import open_artefact, read_notes
from weights.deployment.inventory import Inventory, Stored
from weights.deployment.quantising.quantise import Int8, inventory_of, quantiser_of
from weights.deployment.quantising.samples import Samples
from weights.deployment.targets import TARGETS

INT8_LINES = re.compile(r"<!-- int8 -->.*?```python\n(.*?)```", re.DOTALL)
pytestmark = pytest.mark.runtimes

X = np.random.default_rng(0).normal(size=(20, 1, 8, 8)).astype(np.float32)


def file(folder: Path) -> Path:
    torch.manual_seed(0)
    module = ghost_torch.GhostResNet20(num_classes=4, in_chans=1)
    with torch.no_grad():
        for _ in range(3):
            module(torch.from_numpy(X))
    ghost_torch.save_weights(module.eval(), folder / "a.safetensors")
    return folder / "a.safetensors"


@pytest.mark.parametrize(
    ("to", "package"),
    [
        ("openvino", ghost_torch),
        ("litert", ghost_tf),
        ("pt2", ghost_torch),
        ("executorch", ghost_torch),
    ],
)
def test_a_network_in_int8_predicts_as_in_float(tmp_path: Path, to: str, package: Any) -> None:
    path = tmp_path / f"int8{TARGETS[to].suffix}"
    module = package.from_file(file(tmp_path))

    made = package.export(module, path, to=to, size=8, int8=Int8(Samples(X), most_lost=10))

    assert made.quantised.verdict.error < 0.5
    assert open_artefact(path).notes.dtype == "int8"
    found = inventory_of(to, path)
    assert found is not None and found.fault is None
    assert sum(count for kind, (count, _) in found.counts.items() if "8 per channel" in kind) > 20


def test_the_stages_of_a_runtime_are_those_of_the_network(tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    wanted = Int8(Samples(X), keep_float=1, most_lost=100)

    made = ghost_tf.export(
        ghost_tf.from_file(file(tmp_path)), path, to="litert", size=8, int8=wanted
    )

    assert {each.stage for each in made.quantised.ranking} == {
        "conv1", *(f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)), "linear",
    }  # fmt: skip
    assert made.quantised.kept == (made.quantised.ranking[0].stage,)


def test_halves_of_two_scales_are_joined_and_pixels_are_counted_in_int8(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, path = tmp_path / "float.pt2", tmp_path / "int8.pte"
    x = np.random.default_rng(0).normal(size=(8, 3, 40, 40)).astype(np.float32)
    module = ghost_torch.GhostNetV2(0.1, num_classes=4).eval()
    ghost_torch.export(module, source, to="pt2", size=40, verify=False)
    notes = replace(read_notes(source)[1], dtype="int8")

    quantiser_of("executorch").quantise(source, path, notes, x, ())

    wanted = open_artefact(source).run(x)
    assert np.abs(open_artefact(path).run(x) - wanted).max() < 0.1 * wanted.std()


@pytest.mark.parametrize(("to", "form"), [("pt2", "training"), ("executorch", "deployed")])
def test_a_stage_that_stays_in_float_has_no_weight_in_int8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, form: str
) -> None:
    source, path = tmp_path / "float.pt2", tmp_path / f"int8{TARGETS[to].suffix}"
    module, x = ghost_torch.GhostNet(0.1, 4).eval(), X.repeat(3, axis=1)
    ghost_torch.export(module, source, to="pt2", form=form, size=8, verify=False)
    quantiser, notes = quantiser_of(to), replace(read_notes(source)[1], dtype="int8")
    kept = quantiser.stages(source)[1:]

    quantiser.quantise(source, path, notes, x, kept)

    found = quantiser.inventory(path)
    assert found.counts["int8 per channel"][0] == 1
    assert open_artefact(path).run(x).shape == (20, 4)
    seen: list[Stored] = []
    monkeypatch.setattr(Inventory, "of", seen.extend)
    quantiser.inventory(path)
    convolutions = (each for each in module.modules() if isinstance(each, torch.nn.Conv2d))
    assert sum(each.is_depthwise for each in seen) == sum(each.groups > 1 for each in convolutions)


def test_a_program_in_int8_holds_its_weights_once(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype(np.float32)
    module = ghost_torch.GhostVGG16(num_classes=4).eval()
    sizes = {}
    for name, options in {"float": {}, "int8": {"int8": Int8(Samples(x), most_lost=100)}}.items():
        path = tmp_path / f"{name}.pt2"
        ghost_torch.export(module, path, to="pt2", size=32, verify=False, **options)
        sizes[name] = path.stat().st_size

    assert sizes["int8"] < 0.3 * sizes["float"]


def test_the_lines_that_run_a_program_in_int8_are_those_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = {"int8": Int8(Samples(X), most_lost=100)}
    ghost_torch.export(
        ghost_torch.from_file(file(tmp_path)), "int8.pt2", to="pt2", size=8, verify=False, **made
    )
    names: dict[str, Any] = {"images": X}

    exec(INT8_LINES.findall(PAGE.read_text())[0], names)

    np.testing.assert_allclose(names["logits"], open_artefact("int8.pt2").run(X), rtol=1e-5)
