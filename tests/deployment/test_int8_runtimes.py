"""Networks in int8 in the runtimes whose quantisers are no part of `all`: `make runtimes`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ghost_tf
import ghost_torch
from weights.deployment.artefacts import open_artefact
from weights.deployment.quantising.quantise import Int8, inventory_of
from weights.deployment.quantising.samples import Samples
from weights.deployment.targets import TARGETS

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


@pytest.mark.parametrize(("to", "package"), [("openvino", ghost_torch), ("litert", ghost_tf)])
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
