"""What the cases cover, and that their tensors come from the case alone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest

from conformance.cases import tensors
from conformance.cases.case import Case, describe
from conformance.cases.layers import LAYERS, layer_cases
from conformance.tiers import TIERS
from weights import ACTIVATIONS, SPLITS, GhostConvConfig

CONFIGS = [GhostConvConfig(*channels, **arguments) for channels, _, arguments in LAYERS]
OFFLINE_TIERS = ["contract", "exact", "module", "special", "weights"]


def used(name: str) -> set[Any]:
    """Every value of an argument, pairs taken apart."""
    values = [getattr(config, name) for config in CONFIGS]
    return {item for value in values for item in (value if isinstance(value, tuple) else (value,))}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("kernel_size", {1, 2, 3, 5, 7}),
        ("stride", {1, 2, 3}),
        ("padding", {0, 1, 2, 3}),
        ("ratio", {0.5, 1, 1.5, 2, 3, 4, 5, 8}),
        ("dw_kernel_size", {1, 3, 5, 7}),
        ("dilation", {1, 2, 3}),
        ("split", set(SPLITS)),
        ("activation", set(ACTIVATIONS)),
    ],
)
def test_the_layers_use_every_value(name: str, wanted: set[Any]) -> None:
    assert wanted <= used(name)


def test_the_layers_hold_the_shapes_that_go_wrong() -> None:
    shapes = [shape for _, shape, _ in LAYERS]
    assert any(config.stride[0] != config.stride[1] for config in CONFIGS)
    assert any(config.padding[0] != config.padding[1] for config in CONFIGS)
    assert any(config.groups > 1 for config in CONFIGS)
    assert any(config.c_out % 2 for config in CONFIGS)
    assert any(config.channels.multiplier > 2 for config in CONFIGS)
    assert any(height == width == 1 for _, height, width in shapes)
    assert any(height != width for _, height, width in shapes)
    assert {1, 2, 3} <= {batch for batch, _, _ in shapes}


def test_an_id_can_be_read() -> None:
    config = {"c_in": 7, "c_out": 10, "kernel_size": 3, "stride": 2, "padding": 1, "ratio": 3}
    config |= {"dw_kernel_size": 5}
    assert describe(config, (1, 7, 9, 11)) == "k3-s2-p1-r3-dw5-c7x10-9x11-n1"


@pytest.mark.parametrize("tier", OFFLINE_TIERS)
def test_ids_are_unique_and_cases_are_json(tier: str) -> None:
    cases = TIERS[tier].cases()
    assert len({case.id for case in cases}) == len(cases)
    # A mistake may hold NaN or infinity, which JSON proper has no word for.
    assert json.loads(json.dumps([case.to_dict() for case in cases])) is not None


def test_tensors_depend_on_the_case_alone() -> None:
    case = next(layer_cases("module", ["normal"]))
    (weights, x), (weights_again, x_again) = tensors.make(case), tensors.make(case)
    np.testing.assert_array_equal(x, x_again)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, weights_again[name])


def test_tensors_are_those_of_the_first_release() -> None:
    digest = hashlib.sha256()
    for case in layer_cases("exact", ["integers", "normal", "wide"]):
        weights, x = tensors.make(case)
        for array in (*weights.values(), x):
            digest.update(array.tobytes())
    assert digest.hexdigest()[:16] == "8233a156bb654b01"


@pytest.mark.parametrize("data", sorted(tensors.INPUTS))
def test_inputs_are_float32_of_the_shape_asked_for(data: str) -> None:
    case = Case("", "module", "ghost_conv", {"c_in": 3, "c_out": 4}, (2, 3, 5, 4), data, 1)
    _, x = tensors.make(case)
    assert x.dtype == np.float32
    assert x.shape == (2, 3, 5, 4)


def test_integers_stay_exact_in_float32_through_every_layer() -> None:
    for case in TIERS["exact"].cases():
        weights, x = tensors.make(case)
        from conformance.oracle import weights_io

        wide = weights_io.build(
            "ghost_conv", case.config, {k: v.astype(np.float64) for k, v in weights.items()}
        )(x.astype(np.float64))
        narrow = weights_io.build("ghost_conv", case.config, weights)(x)
        assert (narrow == wide).all(), case.id
        assert (wide == np.round(wide)).all(), case.id
