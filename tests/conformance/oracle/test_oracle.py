"""The oracle against exact rational arithmetic, and its own laws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from conformance.oracle import GhostConv, GhostResNet20, set_state, state
from conformance.oracle.layers import hard_swish, relu6, silu
from tests.conformance.oracle import exact_reference
from weights import GhostConvConfig

EPS = 2.0**-10
TINY_CASES = [
    {"c_in": 2, "c_out": 4, "kernel_size": 3, "padding": 1},
    {"c_in": 3, "c_out": 5, "ratio": 2.5, "activation": "identity"},
    {"c_in": 2, "c_out": 7, "kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)},
    {"c_in": 4, "c_out": 7, "kernel_size": 3, "dilation": (1, 2), "padding": 2, "groups": 2},
    {"c_in": 2, "c_out": 9, "ratio": 4, "dw_kernel_size": 5, "activation": "identity"},
    {"c_in": 2, "c_out": 5, "ratio": 3, "dw_dilation": 2},
    {"c_in": 3, "c_out": 2, "ratio": 0.5},
    {"c_in": 2, "c_out": 6, "split": "floor", "ratio": 3, "dw_kernel_size": 1},
]  # fmt: skip


def rational_tensors(config: GhostConvConfig, seed: int) -> dict[str, np.ndarray]:
    """Multiples of 1/8, and variances for which var + eps is a square: 1, 1/4 or 9/4."""
    generator = np.random.default_rng(seed)
    tensors = {}
    for spec in config.tensors():
        tensors[spec.name] = generator.integers(-16, 17, spec.shape) / 8
        if spec.name.endswith("running_var"):
            tensors[spec.name] = generator.choice([1.0, 0.25, 2.25], spec.shape) - EPS
    return tensors


@pytest.mark.parametrize("arguments", TINY_CASES, ids=str)
def test_float64_is_the_exact_result_rounded(arguments: dict) -> None:
    config = GhostConvConfig(**arguments, bn_eps=EPS)
    tensors = rational_tensors(config, seed=3)
    x = np.random.default_rng(4).integers(-16, 17, (2, config.c_in, 5, 4)) / 8
    settings = {name: getattr(config, name) for name in config.to_dict()}
    wanted = exact_reference.ghost_conv(settings, tensors, x)
    layer = GhostConv(**config.to_dict())
    set_state(layer, tensors)

    got = layer(x)

    assert got.shape == wanted.shape
    errors = [abs(Fraction(g) - w) for g, w in zip(got.ravel(), wanted.ravel(), strict=True)]
    largest = max(abs(w) for w in wanted.ravel())
    assert max(errors) <= Fraction(2) ** -50 * largest


def test_the_rational_reference_convicts_a_wrong_eps() -> None:
    config = GhostConvConfig(2, 4, bn_eps=EPS)
    tensors = rational_tensors(config, seed=3)
    x = np.random.default_rng(4).integers(-16, 17, (1, 2, 3, 3)) / 8
    settings = {name: getattr(config, name) for name in config.to_dict()}
    wanted = exact_reference.ghost_conv(settings, tensors, x).astype(float)
    layer = GhostConv(2, 4, bn_eps=2 * EPS)
    set_state(layer, tensors)
    assert np.abs(layer(x) - wanted).max() > 1e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_value_has_the_dtype_of_the_module(dtype: type) -> None:
    layer = GhostConv(4, 7, activation="silu", dtype=dtype)
    assert layer(np.ones((1, 4, 3, 3), dtype)).dtype == dtype


def test_training_stores_the_unbiased_variance_and_uses_the_biased_one() -> None:
    layer = GhostConv(2, 2, ratio=1, activation="identity", bn_momentum=0.5)
    set_state(layer, {**state(layer), "primary_conv.0.weight": np.eye(2).reshape(2, 2, 1, 1)})
    norm = layer.primary_conv.norm
    norm.training = True
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 5))

    out = layer(x)

    np.testing.assert_allclose(out.var(axis=(0, 2, 3)), 1, rtol=1e-4)
    expected = 0.5 * 1 + 0.5 * x.var(axis=(0, 2, 3), ddof=1)
    np.testing.assert_allclose(norm.running_var, expected, rtol=1e-14)
    np.testing.assert_allclose(norm.running_mean, 0.5 * x.mean(axis=(0, 2, 3)), rtol=1e-13)


@pytest.mark.parametrize(
    ("function", "at", "value"),
    [
        (relu6, 7.0, 6.0),
        (relu6, -1.0, 0.0),
        (silu, 0.0, 0.0),
        (silu, 1.0, 1 / (1 + np.exp(-1.0))),
        (silu, -1000.0, 0.0),
        (hard_swish, 1.0, 4 / 6),
        (hard_swish, -3.0, 0.0),
        (hard_swish, 5.0, 5.0),
    ],
)
def test_activations_are_their_definitions(function: object, at: float, value: float) -> None:
    assert function(np.array([at]))[0] == pytest.approx(value, abs=1e-15)


def test_the_shortcut_subsamples_and_adds_zero_channels_on_both_sides() -> None:
    network = GhostResNet20()
    x = np.random.default_rng(0).normal(size=(1, 16, 5, 4))
    out = network.layer2[0].shortcut(x)
    assert out.shape == (1, 32, 3, 2)
    np.testing.assert_array_equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()
