"""The running error bound: no correct arithmetic exceeds it, and it convicts small defects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conformance.cases import tensors
from conformance.cases.case import Case
from conformance.cases.layers import layer_cases
from conformance.cases.model import in_dtype
from conformance.judging import bounds
from conformance.judging.compare import compare_arrays
from conformance.oracle import weights_io
from conformance.oracle.layers import ACTIVATIONS
from conformance.oracle.weighted import Convolution
from conformance.tiers.module import DATA_SETS, OUTPUT, ModuleTier
from tests.shares import some_quick
from weights import GhostConvConfig

# The bound grows with the number of products in a sum, the effect of one weight does not.
LONGEST_SUM = 100


def terms(case: Case) -> int:
    """Products in each sum of the primary convolution."""
    config = GhostConvConfig(**case.config)
    return config.c_in // config.groups * config.kernel_size[0] * config.kernel_size[1]


NORMAL = [case for case in layer_cases("module", ["normal"]) if 1 < terms(case) <= LONGEST_SUM]


def tracked_output(case: Case) -> bounds.Tracked:
    reference = ModuleTier().reference(case)
    return bounds.Tracked(reference.values[OUTPUT], reference.allowed[OUTPUT])


def in_float32(case: Case, weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return weights_io.build(case.architecture, case.config, weights)(x)


@pytest.mark.slow
@pytest.mark.parametrize("data", DATA_SETS)
def test_plain_float32_arithmetic_stays_within_the_bound(data: str) -> None:
    for case in layer_cases("module", [data]):
        weights, x = tensors.make(case)
        wanted = tracked_output(case)
        outcome = compare_arrays(in_float32(case, weights, x), wanted.value, wanted.error)
        assert outcome.status == "pass", f"{case.id}: {outcome}"


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_summation_stays_within_the_bound(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(1, 6, 5, 5)).astype(np.float32)
    kernel = generator.normal(size=(3, 6, 3, 3)).astype(np.float32)
    layer = Convolution(kernel.astype(np.float64), (1, 1), (0, 0), (1, 1), 1)
    exact = bounds.convolution(layer, None, bounds.Tracked(x.astype(float), np.zeros(x.shape)))
    terms = [(c, a, b) for c in range(6) for a in range(3) for b in range(3)]
    generator.shuffle(terms)
    total = np.zeros(exact.value.shape, np.float32)
    for c, a, b in terms:
        total += kernel[None, :, c, a, b, None, None] * x[:, c : c + 1, a : a + 3, b : b + 3]
    assert (np.abs(total - exact.value) <= exact.error).all()


@pytest.mark.parametrize("case", some_quick(NORMAL, 5), ids=lambda case: case.id)
def test_one_weight_off_by_1e_4_exceeds_the_bound(case: Case) -> None:
    weights, x = tensors.make(case)
    kernel = weights["primary_conv.0.weight"]
    # The largest weight of a channel that the output shows: a channel cut off by relu shows none.
    ratios = []
    for channel in range(len(kernel)):
        damaged = {name: array.copy() for name, array in weights.items()}
        flat = damaged["primary_conv.0.weight"][channel].reshape(-1)
        flat[np.abs(flat).argmax()] *= np.float32(1 + 1e-4)
        got = weights_io.build(case.architecture, case.config, in_dtype(damaged, np.float64))(x)
        wanted = tracked_output(case)
        ratios.append(compare_arrays(got, wanted.value, wanted.error).ratio)
    assert max(ratios) > 1


def test_an_eps_of_2e_5_exceeds_the_bound() -> None:
    case = NORMAL[1]
    weights, x = tensors.make(case)
    other = {**case.config, "bn_eps": 2e-5}
    got = weights_io.build(case.architecture, other, in_dtype(weights, np.float64))(x)
    wanted = tracked_output(case)
    assert compare_arrays(got, wanted.value, wanted.error).ratio > 1


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_carries_the_error_of_its_input(name: str) -> None:
    function = ACTIVATIONS[name]
    generator = np.random.default_rng(1)
    value = generator.uniform(-40, 40, 20_000)
    error = 10 ** generator.uniform(-9, 0, value.shape)
    moved = value + error * generator.uniform(-1, 1, value.shape)
    out = bounds.activation(function, bounds.Tracked(value, error))
    assert (np.abs(function(moved) - out.value) <= out.error * (1 + 1e-12) + 1e-300).all()


def test_nan_and_infinity_carry_no_error() -> None:
    case = next(layer_cases("special", ["nan"]))
    tracked = tracked_output(case)
    assert np.isnan(tracked.value).any()
    assert np.isfinite(tracked.error).all()


def test_more_roundings_allow_more() -> None:
    case = NORMAL[0]
    weights, x = tensors.make(case)
    layer = weights_io.build(case.architecture, case.config, in_dtype(weights, np.float64))
    exact = bounds.Tracked(x.astype(float), np.zeros(x.shape))
    rough = replace(exact, error=np.full(x.shape, 1e-3))
    conv = layer.primary_conv.conv
    more, less = (bounds.convolution(conv, None, each).error for each in (rough, exact))
    assert (more > less).all()
