"""Fresh weights are drawn from PyTorch's distributions, by a test with a stated false-alarm rate.

The largest distance between the empirical distribution of n numbers and the true one is above
sqrt(ln(2 / a) / 2 n) with a probability of at most a, for every n (Dvoretzky, Kiefer and Wolfowitz,
with Massart's constant, 1990). Here a is one in a billion for each test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.columns import Column, in_every_column

pytestmark = pytest.mark.slow

FALSE_ALARMS = 1e-9
LAYER = {"kernel_size": 3, "dw_kernel_size": 5, "groups": 2}
# Inputs of each sum: channels of a group times positions.
FAN_IN = {"primary_conv.0.weight": 32 * 9, "cheap_conv.0.weight": 25}


def distance(sample: np.ndarray, bound: float) -> float:
    """The largest distance to the uniform distribution between -bound and bound."""
    ordered = np.sort(sample.ravel().astype(np.float64))
    wanted = np.clip((ordered + bound) / (2 * bound), 0, 1)
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(max(np.abs(wanted - steps[:-1]).max(), np.abs(wanted - steps[1:]).max()))


def limit(count: int) -> float:
    return float(np.sqrt(np.log(2 / FALSE_ALARMS) / (2 * count)))


@in_every_column
@pytest.mark.parametrize("name", FAN_IN)
def test_fresh_kernels_are_uniform_as_pytorchs(column: Column, name: str) -> None:
    # kaiming_uniform_(a=sqrt(5)), torch.nn.Conv2d's own, is uniform within 1 / sqrt(fan in).
    layer = column.make("GhostConv", 64, 256, **LAYER)
    kernel = column.package.state(layer)[name]

    assert distance(kernel, FAN_IN[name] ** -0.5) <= limit(kernel.size)


@in_every_column
def test_fresh_biases_are_uniform_as_pytorchs(column: Column) -> None:
    state = column.package.state(column.make("GhostConv", 4, 4096, bias=True))

    for name, fan_in in (("primary_conv.0.bias", 4), ("cheap_conv.0.bias", 9)):
        assert distance(state[name], fan_in**-0.5) <= limit(state[name].size)


@in_every_column
def test_the_halves_of_a_fresh_layer_are_drawn_apart(column: Column) -> None:
    state = column.package.state(column.make("GhostConv", 64, 256, **LAYER))
    first, second = (
        state[name].ravel()[: state["cheap_conv.0.weight"].size] * FAN_IN[name] ** 0.5
        for name in FAN_IN
    )

    # Of n independent pairs in [-1, 1] the mean product is above this once in a billion
    # (Hoeffding).
    assert abs((first * second).mean()) <= np.sqrt(2 * np.log(2 / FALSE_ALARMS) / first.size)


@in_every_column
def test_a_bias_is_drawn_apart_from_its_kernel(column: Column) -> None:
    state = column.package.state(column.make("SqueezeExcite", 1024, se_ratio=1.0))
    for name in ("conv_reduce", "conv_expand"):
        kernel, bias = state[f"{name}.weight"][:, :, 0, 0] * 32, state[f"{name}.bias"] * 32

        for first in (kernel[0], kernel[:, 0]):  # whichever is first in the framework's memory
            limit = np.sqrt(2 * np.log(2 / FALSE_ALARMS) / first.size)
            assert abs((first * bias).mean()) <= limit


@in_every_column
def test_kernels_of_one_shape_are_drawn_apart(column: Column) -> None:
    state = column.package.state(column.make("GhostConvV3", 64, 64))
    first, second = (state[f"primary_rpr_conv.{i}.conv.weight"].ravel() * 8 for i in (0, 1))

    assert abs((first * second).mean()) <= np.sqrt(2 * np.log(2 / FALSE_ALARMS) / first.size)


OTHERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "glorot_uniform": lambda g: g.uniform(-1, 1, 36864) * np.sqrt(6 / (32 * 9 + 128 * 9)),
    "normal": lambda g: g.normal(0, (32 * 9) ** -0.5 / np.sqrt(3), 36864),
    "lecun_normal": lambda g: g.normal(0, (32 * 9) ** -0.5, 36864),
    "kaiming_uniform": lambda g: g.uniform(-1, 1, 36864) * np.sqrt(6 / (32 * 9)),
    "a twentieth off": lambda g: g.uniform(-1, 1, 36864) * (32 * 9) ** -0.5 * 1.05,
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_distribution_is_told_apart(name: str) -> None:
    sample = OTHERS[name](np.random.Generator(np.random.PCG64(5)))

    assert distance(sample, (32 * 9) ** -0.5) > limit(sample.size)


def test_the_right_distribution_passes_a_thousand_times() -> None:
    generator = np.random.Generator(np.random.PCG64(6))

    worst = max(distance(generator.uniform(-1, 1, 5000), 1.0) for _ in range(1000))

    assert worst <= limit(5000)
