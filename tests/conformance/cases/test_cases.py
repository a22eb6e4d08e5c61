"""Coverage of the cases, and that their tensors come from the case alone."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases import layers, tensors
from conformance.cases.case import Case, layer_id
from conformance.cases.layers import LAYERS, layer_cases
from conformance.tiers import TIERS, VECTOR_TIERS, Settings, TrainingTier, make_tiers
from weights import ACTIVATIONS, SPLITS, GhostConvConfig

CONFIGS = [GhostConvConfig(**each.config) for each in LAYERS]
OFFLINE_TIERS = ["contract", "exact", "module", "special", "weights"]


def used(name: str) -> set[Any]:
    """Every value of an argument, pairs taken apart."""
    values = [getattr(config, name) for config in CONFIGS]
    return {item for value in values for item in (value if isinstance(value, tuple) else (value,))}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("kernel_size", {1, 2, 3, 5, 7, 9, 11}),
        ("stride", {1, 2, 3, 4, 5}),
        ("padding", {0, 1, 2, 3, 4, 5}),
        ("ratio", {0.5, 1, 1.5, 2, 3, 4, 5, 8}),
        ("dw_kernel_size", {1, 3, 5, 7, 9, 11}),
        ("dilation", {1, 2, 3, 4, 5}),
        ("dw_dilation", {1, 2}),
        ("bias", {False, True}),
        ("split", set(SPLITS)),
        ("activation", set(ACTIVATIONS)),
    ],
)
def test_the_layers_use_every_value(name: str, wanted: set[Any]) -> None:
    assert wanted <= used(name)


def test_the_layers_hold_the_shapes_that_go_wrong() -> None:
    shapes = [each.size for each in LAYERS]
    assert any(config.stride[0] != config.stride[1] for config in CONFIGS)
    assert any(config.padding[0] != config.padding[1] for config in CONFIGS)
    assert any(config.groups > 1 for config in CONFIGS)
    assert any(config.c_out % 2 for config in CONFIGS)
    assert any(config.channels.multiplier > 2 for config in CONFIGS)
    assert any(height == width == 1 for _, height, width in shapes)
    assert any(height != width for _, height, width in shapes)
    assert {1, 2, 3, 5, 8, 33} <= {batch for batch, _, _ in shapes}
    assert any(height > 224 and width > 112 for _, height, width in shapes)
    assert any(config.groups > 1 < max(config.dilation) and config.bias for config in CONFIGS)
    assert any(config.groups > 1 and config.c_out % 2 for config in CONFIGS)
    assert any(config.padding[0] and config.kernel_size == (1, 1) for config in CONFIGS)
    assert max(config.c_in for config in CONFIGS) > 512 < max(config.c_out for config in CONFIGS)


def test_an_id_can_be_read() -> None:
    config = {"c_in": 7, "c_out": 10, "kernel_size": 3, "stride": 2, "padding": 1, "ratio": 3}
    config |= {"dw_kernel_size": 5}
    assert layer_id(config, (1, 7, 9, 11)) == "k3-s2-p1-r3-dw5-c7x10-9x11-n1"


@pytest.mark.parametrize("tier", OFFLINE_TIERS)
def test_ids_are_unique_and_cases_are_json(tier: str) -> None:
    cases = TIERS[tier]().cases()
    assert len({case.id for case in cases}) == len(cases)
    # A mistake may hold NaN or infinity, which JSON proper has no word for.
    assert json.loads(json.dumps([case.to_dict() for case in cases])) is not None


def test_tensors_depend_on_the_case_alone() -> None:
    case = next(layer_cases("module", ["normal"]))
    (weights, x), (weights_again, x_again) = tensors.make(case), tensors.make(case)
    np.testing.assert_array_equal(x, x_again)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, weights_again[name])


def digest(case: Case) -> str:
    weights, x = tensors.make(case)
    found = hashlib.sha256()
    for array in (*weights.values(), x):
        found.update(array.tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("tier", "case_id", "wanted"),
    [
        ("exact", "k3-s1-p1-r2-dw3-c3x16-9x7-n2-integers", "fa2c543e1b7acbf4"),
        ("module", "k1-s1-p0-r4-dw5-c8x17-7x7-n2-wide", "1c3b43ce1e7d62ce"),
        ("family", "ghost_bottleneck-stride-2-se", "22c487c99f72df70"),
    ],
)
def test_tensors_are_those_of_earlier_versions(tier: str, case_id: str, wanted: str) -> None:
    (case,) = (case for case in TIERS[tier]().cases() if case.id == case_id)
    assert digest(case) == wanted


def test_a_row_less_changes_no_other_case(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {case.id: digest(case) for case in layer_cases("module", ["normal"])}
    monkeypatch.setattr(layers, "LAYERS", LAYERS[:3] + LAYERS[4:])
    after = {case.id: digest(case) for case in layer_cases("module", ["normal"])}

    assert len(after) == len(before) - 1
    assert after.items() <= before.items()


def test_full_training_has_every_layer_and_the_usual_one_a_part() -> None:
    usual_tier, full_tier = TrainingTier(), TrainingTier(Settings(full=True))
    usual = [case.id for case in usual_tier.cases()]
    full = [case.id for case in full_tier.cases()]

    assert (usual_tier.options(), full_tier.options()) == ("", "--full")
    assert 0 < len(usual) < len(full)
    assert set(usual) <= set(full)
    assert {case.id for case in layer_cases("training", ["normal"])} <= set(full)
    assert "ghostnet-one-pixel" not in full


@pytest.mark.parametrize("name", [name for name, tier in TIERS.items() if tier.has_more])
def test_a_full_run_has_the_usual_cases_and_more(name: str) -> None:
    usual, full = TIERS[name](), TIERS[name](Settings(full=True))

    assert (usual.options(), full.options()) == ("", "--full")
    assert {case.id for case in usual.cases()} < {case.id for case in full.cases()}


def test_the_layers_of_tier_exact_are_those_of_tier_module_or_special() -> None:
    def layers_of(tier: str) -> set[str]:
        return {json.dumps([dict(c.config), c.input_shape]) for c in TIERS[tier]().cases()}

    special = {case.id.removesuffix("-nan") for case in TIERS["special"]().cases()}
    exact = {
        json.dumps([dict(case.config), case.input_shape])
        for case in TIERS["exact"]().cases()
        if case.id.removesuffix("-integers") not in special
    }
    assert exact
    assert exact <= layers_of("module")


@pytest.mark.parametrize("data", sorted(tensors.DISTRIBUTIONS))
def test_inputs_are_float32_of_the_shape_asked_for(data: str) -> None:
    case = Case("", "module", "ghost_conv", {"c_in": 3, "c_out": 4}, (2, 3, 5, 4), data)
    _, x = tensors.make(case)
    assert x.dtype == np.float32
    assert x.shape == (2, 3, 5, 4)


def test_integers_stay_exact_in_float32_through_every_layer() -> None:
    for case in TIERS["exact"]().cases():
        weights, x = tensors.make(case)
        from conformance.oracle import weights_io

        wide = weights_io.build(
            "ghost_conv", case.config, {k: v.astype(np.float64) for k, v in weights.items()}
        )(x.astype(np.float64))
        narrow = weights_io.build("ghost_conv", case.config, weights)(x)
        assert (narrow == wide).all(), case.id
        assert (wide == np.round(wide)).all(), case.id


def test_the_documentation_counts_the_vectors() -> None:
    text = (Path(__file__).parents[3] / "docs/adding-an-implementation.md").read_text()
    counts = {tier.name: len(tier.cases()) for tier in make_tiers(names=VECTOR_TIERS)}

    assert f"for each of {sum(counts.values())} cases" in text
    assert f"the {counts['exact'] + counts['module'] + counts['special']} cases" in text


def test_a_full_run_leaves_the_data_of_the_usual_one() -> None:
    usual, full = (
        {(tier.name, case.id): case for tier in make_tiers(settings) for case in tier.cases()}
        for settings in (Settings(), Settings(full=True, random=20))
    )

    assert usual.items() <= full.items()
    assert usual.keys() < full.keys()


@pytest.mark.parametrize("tier", ["exact", "module", "special", "training", "random"])
def test_the_id_of_a_case_says_its_batch(tier: str) -> None:
    cases = TIERS[tier](Settings(full=True, random=50)).cases()
    batches = [(re.findall(r"-n(\d+)-", case.id), case.input_shape[0]) for case in cases]

    assert [batch for ids, batch in batches if ids and ids != [str(batch)]] == []
    assert any(ids for ids, _ in batches)
