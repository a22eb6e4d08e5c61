"""Every number of channels at every ratio: the pairs that the seed's class refuses included."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
import pytest

from tests.columns import Column, in_every_column
from weights import configure

RATIOS = (1, 1.5, 2, 2.5, 3, 4, 5, 8)
WIDTHS = range(1, 257)
# Where each layer costs a compilation: every eighth width at a ratio, every width at one.
STEPS = {"ghost_jax": 8, "ghost_tf": 8}
QUICK_PAIRS = [(1, 8), (2, 1), (5, 2), (7, 2.5), (9, 4), (13, 1.5), (37, 3)]

ARGUMENTS: dict[str, Any] = {"c_in": 1, "dw_kernel_size": 1, "activation": "identity"}
ONES = np.ones((1, 1, 1, 2), np.float32)


def numbered_layer(column: Column, c_out: int, ratio: float) -> Any:
    """A layer whose primary channel c answers c + 1 to ones; a ghost doubles its source."""
    config = ARGUMENTS | {"c_out": c_out, "ratio": ratio}
    specs = configure("ghost_conv", config).tensors()
    neutral = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    tensors = {
        spec.name: np.full(spec.shape, neutral[spec.name.rpartition(".")[2]], np.float32)
        for spec in specs
    }
    primary = tensors["primary_conv.0.weight"]
    primary[:, 0, 0, 0] = 1 + np.arange(len(primary))
    if "cheap_conv.0.weight" in tensors:
        tensors["cheap_conv.0.weight"][:] = 2
    return column.load("ghost_conv", tensors, **config)


def numbered_channels(c_out: int, ratio: float) -> Iterator[int]:
    """What the channels of such a layer answer: primary first, then c*m ... c*m + m-1, cropped."""
    c_int = max(1, round(c_out / ratio))
    yield from range(1, min(c_int, c_out) + 1)
    for ghost in range(c_out - c_int):
        multiplier = ceil((c_out - c_int) / c_int)
        yield 2 * (ghost // multiplier + 1)


def assert_channels(column: Column, pairs: list[tuple[int, float]]) -> None:
    """Every pair constructs, runs, and gives `c_out` channels, each from its source."""
    outputs = column.run_all([numbered_layer(column, *pair) for pair in pairs], ONES)

    for pair, output in zip(pairs, outputs, strict=True):
        assert output.shape == (1, pair[0], 1, 2), pair
        wanted = np.array(list(numbered_channels(*pair)))
        # bn_eps makes every half smaller by five millionths.
        np.testing.assert_allclose(output[0, :, 0, 1], wanted, rtol=2e-5, err_msg=str(pair))


@pytest.mark.slow
@in_every_column
def test_some_pairs_give_their_channels_in_order(column: Column) -> None:
    assert_channels(column, QUICK_PAIRS)


@pytest.mark.matrix
@in_every_column
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_widths_give_their_channels_in_order(column: Column, ratio: float) -> None:
    step = STEPS.get(column.name, 1)

    assert_channels(
        column, [(c_out, ratio) for c_out in WIDTHS[RATIOS.index(ratio) % step :: step]]
    )


def test_the_pairs_are_all_2048() -> None:
    assert len({(c_out, ratio) for c_out in WIDTHS for ratio in RATIOS}) == 2048
