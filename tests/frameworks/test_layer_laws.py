"""Laws of the layer that hold in every framework: the training step and fresh weights."""

from __future__ import annotations

import numpy as np
import pytest

from tests.columns import Column, assert_same_state, in_every_column, normal, small_network
from weights import ArgumentError

SINGLE_VALUE = (
    "training needs more than one value per channel (batch x height x width), got 1: the variance "
    "of a single value is undefined; use a larger batch or evaluation mode"
)


def moments(x: np.ndarray, *, correction: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance per channel of an NCHW array, in float64."""
    x = x.astype(np.float64)
    return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=correction)


def mixed(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A 1x1 convolution as one sum over channels."""
    return np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x)


def primary_half(tensors: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The primary half of a fresh GhostConv in training, in float64."""
    convolved = mixed(tensors["primary_conv.0.weight"], x)
    mean, var = (vector[:, None, None] for vector in moments(convolved, correction=0))
    return np.maximum((convolved - mean) / np.sqrt(var + 1e-5), 0)


@in_every_column
@pytest.mark.parametrize("momentum", [0.1, 1])
def test_the_running_mean_moves_by_momentum(column: Column, momentum: float) -> None:
    layer, x = column.make("GhostConv", 3, 5, bn_momentum=momentum), normal(2, 3, 3, 2)
    mean, _ = moments(mixed(column.package.state(layer)["primary_conv.0.weight"], x), correction=0)

    column.run(layer, x, training=True)

    after = column.package.state(layer)["primary_conv.1.running_mean"]
    assert after == pytest.approx(momentum * mean, rel=1e-5, abs=1e-6)


@in_every_column
@pytest.mark.parametrize("momentum", [0.1, 1])
def test_the_running_variance_of_the_primary_half_is_unbiased(
    column: Column, momentum: float
) -> None:
    layer, x = column.make("GhostConv", 3, 5, bn_momentum=momentum), normal(2, 3, 3, 2)
    _, var = moments(mixed(column.package.state(layer)["primary_conv.0.weight"], x), correction=1)

    column.run(layer, x, training=True)

    after = column.package.state(layer)["primary_conv.1.running_var"]
    assert after == pytest.approx(1 - momentum + momentum * var, rel=1e-5)


@in_every_column
def test_the_running_variance_of_the_cheap_half_is_unbiased(column: Column) -> None:
    layer, x = column.make("GhostConv", 3, 6, ratio=3, dw_kernel_size=1), normal(2, 3, 3, 2)
    before = column.package.state(layer)
    ghosts = primary_half(before, x).repeat(2, axis=1) * before["cheap_conv.0.weight"][:, 0]
    _, var = moments(ghosts, correction=1)

    column.run(layer, x, training=True)

    after = column.package.state(layer)["cheap_conv.1.running_var"]
    assert after == pytest.approx(0.9 + 0.1 * var, rel=1e-5)


@in_every_column
def test_a_training_step_normalises_with_the_biased_variance(column: Column) -> None:
    layer, x = column.make("GhostConv", 3, 5), normal(2, 3, 3, 2)
    wanted = primary_half(column.package.state(layer), x)

    output = column.run(layer, x, training=True)

    np.testing.assert_allclose(output[:, :2], wanted, rtol=1e-4, atol=1e-5)


@in_every_column
def test_evaluation_changes_nothing(column: Column) -> None:
    layer, x = column.make("GhostConv", 3, 5), normal(2, 3, 3, 2)
    before = column.package.state(layer)

    column.run(layer, x)

    assert_same_state(column.package.state(layer), before)


@in_every_column
@pytest.mark.parametrize("size", [1, 3])
def test_a_layer_refuses_to_train_on_a_single_value_and_keeps_its_state(
    column: Column, size: int
) -> None:
    layer = column.make("GhostConv", 3, 5, kernel_size=size, stride=2)
    before = column.package.state(layer)

    with pytest.raises(ArgumentError) as error:
        column.run(layer, normal(1, 3, size, size), training=True)

    assert str(error.value) == SINGLE_VALUE
    assert_same_state(column.package.state(layer), before)


@pytest.mark.slow
@in_every_column
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (4, 4)])
def test_a_network_refuses_to_train_on_a_single_value_and_keeps_its_state(
    column: Column, sizes: tuple[int, int]
) -> None:
    network = small_network(column)
    before = column.package.state(network)

    with pytest.raises(ArgumentError) as error:
        column.run(network, normal(1, 3, *sizes), training=True)

    assert str(error.value) == SINGLE_VALUE
    assert_same_state(column.package.state(network), before)


@in_every_column
def test_a_layer_evaluates_a_single_value(column: Column) -> None:
    output = column.run(column.make("GhostConv", 3, 5), normal(1, 3, 1, 1))

    assert output.shape == (1, 5, 1, 1)


@in_every_column
@pytest.mark.parametrize(
    ("name", "fan_in"), [("primary_conv.0.weight", 4 * 3 * 3), ("cheap_conv.0.weight", 5 * 5)]
)
def test_fresh_kernels_fill_the_uniform_bound(column: Column, name: str, fan_in: int) -> None:
    layer = column.make("GhostConv", 8, 64, kernel_size=3, dw_kernel_size=5, groups=2)

    assert_fills_uniform_bound(column.package.state(layer)[name], fan_in)


@in_every_column
@pytest.mark.slow
def test_a_fresh_linear_layer_fills_the_uniform_bound(column: Column) -> None:
    fresh = column.package.state(column.make("GhostResNet20", num_classes=200))

    assert_fills_uniform_bound(fresh["linear.weight"], fan_in=64)
    assert_fills_uniform_bound(fresh["linear.bias"], fan_in=64)


@in_every_column
def test_fresh_normalisations_are_the_identity(column: Column) -> None:
    fresh = column.package.state(column.make("GhostConv", 3, 5))

    for half, channels in {"primary_conv.1": 2, "cheap_conv.1": 4}.items():
        assert fresh[f"{half}.weight"].tolist() == [1] * channels
        assert fresh[f"{half}.bias"].tolist() == [0] * channels
        assert fresh[f"{half}.running_mean"].tolist() == [0] * channels
        assert fresh[f"{half}.running_var"].tolist() == [1] * channels


@in_every_column
def test_another_seed_draws_other_weights(column: Column) -> None:
    first, again, other = (
        column.package.state(column.make("GhostConv", 3, 5, seed=seed)) for seed in (1, 1, 2)
    )

    assert_same_state(again, first)
    assert (other["primary_conv.0.weight"] != first["primary_conv.0.weight"]).all()


def assert_fills_uniform_bound(array: np.ndarray, fan_in: int) -> None:
    """The values lie within 1/sqrt(fan_in), reach near both ends and spread evenly."""
    scaled = array.astype(np.float64).ravel() * np.sqrt(fan_in)
    assert np.abs(scaled).max() <= 1 + 1e-6
    assert scaled.min() < -0.9
    assert scaled.max() > 0.9
    assert scaled.std() == pytest.approx(1 / np.sqrt(3), rel=0.15)


@in_every_column
def test_a_gigantic_kernel_is_refused_before_any_memory_is_taken(
    column: Column, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArgumentError, match="a kernel may have 2147483648 numbers at most, got"):
        column.make("GhostConv", 2**20, 2**20)

    monkeypatch.setenv("GHOSTCONV_LARGEST_KERNEL", "10")
    with pytest.raises(ArgumentError, match=r"at most, got 12 in \(4, 3, 1, 1\): use fewer"):
        column.make("GhostConv", 3, 8)
    monkeypatch.setenv("GHOSTCONV_LARGEST_KERNEL", "much")
    with pytest.raises(ArgumentError, match="LARGEST_KERNEL must be a whole number, got 'much'"):
        column.make("GhostConv", 3, 8)
