"""The folded form: the same function, the same bits in every framework, and no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.cases.family import family_cases
from conformance.cases.tensors import make
from conformance.oracle import GhostConvV3, weights_io
from conformance.oracle.training import set_training
from tests.columns import Column, in_every_column, normal, tensors_of
from tests.shares import some_quick
from weights import ArgumentError, GhostError, configure, read_file, write_file
from weights.columns import fold
from weights.importers.exporting import export_tensors
from weights.tensors import NORM_WEIGHT

CASES = {case.id: case for case in family_cases("family")}
# One of each kind of layer and network; a network compiles for seconds.
LAYERS = ("ghost_conv-yolo", "ghost_conv_v2-7x7", "ghost_bottleneck-d-li14", "c3_ghost-two-blocks")
FOLDABLE = [
    case
    for case in CASES.values()
    if case.form == "training" and case.architecture != "squeeze_excite"
]


def folded(case: Case) -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    weights, x = make(case)
    return *fold.deployed(case.architecture, case.config, weights), x


@pytest.mark.parametrize("case", some_quick(FOLDABLE, 9), ids=lambda case: case.id)
def test_the_folded_form_computes_the_same(case: Case) -> None:
    weights, x = make(case)
    exact = {name: array.astype(np.float64) for name, array in weights.items()}
    config, merged = fold.deployed(case.architecture, case.config, exact)

    before = weights_io.build(case.architecture, case.config, exact)(x.astype(np.float64))
    after = weights_io.build(case.architecture, config, merged)(x.astype(np.float64))

    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9 * np.abs(before).max())


@pytest.mark.parametrize("case", some_quick(FOLDABLE, 9), ids=lambda case: case.id)
def test_no_batch_normalisation_is_left_after_a_convolution(case: Case) -> None:
    config, tensors, _ = folded(case)
    left = [s.name for s in configure(case.architecture, config).tensors() if s.kind == NORM_WEIGHT]

    # Ghost-ResNet's own follow a ReLU, which no convolution can swallow.
    assert config["form"] == "folded"
    assert (left == []) or (case.architecture.startswith("ghost_resnet") and case.config["norm"])
    assert list(tensors) == [s.name for s in configure(case.architecture, config).tensors()]


def test_the_form_of_training_goes_without_saying() -> None:
    assert "form" not in configure("ghost_conv", {"c_in": 4, "c_out": 8}).to_dict()


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize("name", LAYERS)
def test_a_folded_layer_has_the_same_bits_everywhere(column: Column, name: str) -> None:
    case = CASES[name]
    weights, _ = make(case)
    _, wanted, _ = folded(case)
    module = column.package.weights_io.build(case.architecture, case.config, weights)

    found = column.package.state(column.package.deploy(module))

    assert {key: array.tobytes() for key, array in found.items()} == {
        key: array.tobytes() for key, array in wanted.items()
    }


@in_every_column
def test_a_folded_layer_is_saved_and_built_again(column: Column, tmp_path: Path) -> None:
    case = CASES[LAYERS[0]]
    weights, _ = make(case)
    module = column.package.weights_io.build(case.architecture, case.config, weights)
    deployed = column.package.deploy(module)
    column.package.save_weights(deployed, tmp_path / "folded.safetensors")

    again = column.package.from_file(tmp_path / "folded.safetensors")

    assert again.config == deployed.config
    assert read_file(tmp_path / "folded.safetensors").config["form"] == "folded"


@in_every_column
@pytest.mark.parametrize("name", LAYERS)
def test_a_folded_layer_refuses_training(column: Column, name: str) -> None:
    case = CASES[name]
    config, tensors, x = folded(case)
    module = column.package.weights_io.build(case.architecture, config, tensors)

    with pytest.raises(ArgumentError, match="a module in form 'folded' cannot train"):
        column.run(module, x, training=True)


@in_every_column
@pytest.mark.parametrize("form", ["deployed", "folded"])
def test_merged_branches_without_attention_refuse_training(column: Column, form: str) -> None:
    config = {"c_in": 4, "c_out": 8, "form": form}
    module = column.load("ghost_conv_v3", tensors_of("ghost_conv_v3", **config), **config)

    with pytest.raises(ArgumentError, match=f"a module in form '{form}' cannot train"):
        column.run(module, normal(2, 4, 5, 5), training=True)


@pytest.mark.parametrize("form", ["deployed", "folded"])
def test_merged_branches_of_the_oracle_refuse_training(form: str) -> None:
    module = GhostConvV3(4, 8, form=form)
    set_training(module, True)

    with pytest.raises(ArgumentError, match=f"a module in form '{form}' cannot train"):
        module(np.zeros((2, 4, 5, 5)))


def test_a_folded_network_is_not_exported_to_a_class_with_norms(tmp_path: Path) -> None:
    config, tensors, _ = folded(CASES["ghostnet-tiny"])
    write_file(tmp_path / "folded.safetensors", "ghostnet", config, tensors)

    with pytest.raises(GhostError, match="timm has batch normalisations, the file is in form"):
        export_tensors(read_file(tmp_path / "folded.safetensors"), "timm")
