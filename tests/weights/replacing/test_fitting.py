"""Least squares for the weights of a GhostConv, on kernels and outputs whose best is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.columns import normal
from weights import GhostConvConfig
from weights.replacing.fitting import fit

# Kernel size, stride, dilation, cheap kernel size, and taps between the primary filter and its
# ghost, which one output or two lie apart then.
MOVED = [
    pytest.param(3, 1, 1, 3, 1, id="stride 1"),
    pytest.param(5, 2, 1, 3, 2, id="stride 2"),
    pytest.param(4, 3, 3, 3, 1, id="stride as dilation"),
    pytest.param(3, 1, 2, 5, 1, id="dilation 2"),
]


def config_of(kernel: np.ndarray, **options: Any) -> GhostConvConfig:
    c_out, c_in, *kernel_size = kernel.shape
    return GhostConvConfig(c_in, c_out, tuple(kernel_size), activation="identity", **options)


@pytest.mark.parametrize(("size", "stride", "dilation", "dw_kernel_size", "taps"), MOVED)
def test_a_filter_that_was_moved_is_a_ghost_without_error(
    size: int, stride: int, dilation: int, dw_kernel_size: int, taps: int
) -> None:
    kernel = np.zeros((8, 3, size, size))
    kernel[:4, :, : size - taps] = normal(4, 3, size - taps, size)
    kernel[4:, :, taps:] = -2 * kernel[:4, :, : size - taps]
    geometry = {"stride": stride, "dilation": dilation, "dw_kernel_size": dw_kernel_size}

    fitted = fit(config_of(kernel, **geometry), kernel, np.zeros(8))

    assert fitted.error < 1e-6
    np.testing.assert_allclose(fitted.tensors["primary_conv.0.weight"], kernel[:4], atol=1e-6)
    cheap = fitted.tensors["cheap_conv.0.weight"]
    middle = dw_kernel_size // 2
    np.testing.assert_allclose(cheap.sum((2, 3)), -2, atol=1e-6)
    np.testing.assert_allclose(
        cheap[:, 0, middle + taps * dilation // stride, middle], -2, atol=1e-6
    )


def test_a_filter_beyond_the_reach_of_the_cheap_kernel_is_missed() -> None:
    kernel = np.zeros((2, 1, 3, 1))
    kernel[0, 0, 0], kernel[1, 0, 1] = 1, 1

    # One tap is two outputs.
    assert fit(config_of(kernel, dilation=2), kernel, np.zeros(2)).error == pytest.approx(0.5**0.5)


def test_every_ghost_is_made_of_its_own_primary_channel() -> None:
    primary = normal(3, 4, 1, 1).astype(float)
    scales = np.array([2.0, 3, 4, 5, 6])  # of ghosts 0 to 4, the last of which is cropped
    kernel = np.concatenate([primary, scales[:, None, None, None] * primary[[0, 0, 1, 1, 2]]])

    fitted = fit(config_of(kernel, ratio=3), kernel, np.zeros(8))

    assert fitted.error < 1e-6
    middle = fitted.tensors["cheap_conv.0.weight"][:, 0, 1, 1]
    np.testing.assert_allclose(middle, [*scales, 0], atol=1e-6)


def test_both_halves_share_what_no_ghost_can_be() -> None:
    kernel = np.array([[3.0, 1], [3, -1]])[:, :, None, None]
    inputs = np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])[:, :, None, None]
    outputs = np.tensordot(kernel[:, :, 0, 0], inputs, 1)

    fitted = fit(config_of(kernel), kernel, np.zeros(2), outputs)

    # The primary filter alone would miss 1.9 and the best of rank 1, (3, 0) twice, misses 2.
    assert fitted.error == pytest.approx((2 / 20) ** 0.5, rel=0.05)


def test_the_normalisation_adds_the_bias_and_changes_nothing_else() -> None:
    kernel, bias = np.tile(normal(1, 2, 3, 3), (4, 1, 1, 1)).astype(float), np.arange(4.0)

    tensors = fit(config_of(kernel), kernel, bias).tensors

    for half in ("primary_conv", "cheap_conv"):
        weight, shift, mean, var = (
            tensors[f"{half}.1.{name}"]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        np.testing.assert_allclose(weight / np.sqrt(var + 1e-5), 1)
        assert np.all(var > 0)
        # Of the constant 0 and 1 before the cheap half, each ghost takes its own away.
        added = shift - mean
        np.testing.assert_allclose(added, [0, 1] if half == "primary_conv" else [2, 2], atol=1e-9)


def test_without_outputs_primary_filters_stay_and_ghosts_are_as_strong_as_their_filters() -> None:
    kernel = normal(6, 3, 3, 3).astype(float)

    tensors = fit(config_of(kernel), kernel, np.zeros(6)).tensors

    np.testing.assert_array_equal(tensors["primary_conv.0.weight"], kernel[:3])
    strengths = tensors["cheap_conv.1.running_var"]
    np.testing.assert_allclose(strengths, np.sum(kernel[3:] ** 2, (1, 2, 3)))


def test_ghosts_have_the_means_that_are_known() -> None:
    kernel, bias = normal(2, 3, 1, 1).astype(float), np.array([1.0, 2])
    means = np.array([5.0, -3])

    tensors = fit(config_of(kernel), kernel, bias, means=means).tensors

    for half, mean in (("primary_conv", 5), ("cheap_conv", -3)):
        np.testing.assert_allclose(tensors[f"{half}.1.bias"], mean)
    added = [
        (tensors[f"{half}.1.bias"] - tensors[f"{half}.1.running_mean"]).item()
        for half in ("primary_conv", "cheap_conv")
    ]
    taps = tensors["cheap_conv.0.weight"].sum()
    np.testing.assert_allclose(added, [1, -3 - 5 * taps])


def test_outputs_are_fitted_where_they_are_given() -> None:
    kernel = normal(2, 3, 1, 1).astype(float)
    map_, bias = normal(5, 6, 7).astype(float), np.array([0.5, -2])
    outputs = np.stack([map_, 3 * map_ + 4])

    fitted = fit(config_of(kernel), kernel, bias, outputs)

    assert fitted.error < 1e-6
    np.testing.assert_allclose(fitted.tensors["cheap_conv.0.weight"][0, 0, 1, 1], 3, atol=1e-6)
    statistics = fitted.tensors["cheap_conv.1.bias"], fitted.tensors["cheap_conv.1.running_var"]
    np.testing.assert_allclose(statistics, [[outputs[1].mean()], [outputs[1].var()]])


def test_the_cheap_half_is_fitted_to_what_it_reads() -> None:
    kernel, map_ = normal(2, 3, 1, 1).astype(float), normal(5, 6, 7).astype(float)
    outputs = np.stack([map_, 3 * np.maximum(map_, 0)])

    fitted = fit(
        config_of(kernel), kernel, np.zeros(2), outputs, activate=lambda x: np.maximum(x, 0)
    )

    assert fitted.error < 1e-6
    np.testing.assert_array_equal(fitted.tensors["primary_conv.0.weight"], kernel[:1])


def test_outputs_that_are_all_zero_have_weights() -> None:
    fitted = fit(config_of(np.zeros((4, 2, 3, 3))), np.zeros((4, 2, 3, 3)), np.zeros(4))

    assert fitted.error == 0
    assert all(np.isfinite(tensor).all() for tensor in fitted.tensors.values())
