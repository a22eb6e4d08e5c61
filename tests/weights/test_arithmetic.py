"""The arithmetic of channels and sizes: golden integers, and the laws that they obey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weights.arithmetic import (
    ChannelSplit,
    kernel_span,
    output_size,
    same_padding,
    split_channels,
    uniform_bound,
)

CHANNELS = st.integers(1, 512)
RATIOS = st.sampled_from([0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8])
WHOLE_RATIOS = st.integers(1, 8)

ROUND = [
    (64, 2, 32, 1),
    (5, 2, 2, 2),  # 2.5 rounds to the even 2
    (7, 2, 4, 1),  # 3.5 rounds to the even 4
    (9, 2, 4, 2),
    (3, 2, 2, 1),
    (1, 2, 1, 0),  # 0.5 rounds to 0, and one channel is the least
    (12, 3, 4, 2),
    (16, 4, 4, 3),
    (6, 4, 2, 2),
    (10, 4, 2, 4),
    (5, 4, 1, 4),
    (3, 8, 1, 2),
    (256, 8, 32, 7),
    (12, 1.5, 8, 1),
    (10, 2.5, 4, 2),
    (9, 1, 9, 0),
    (8, 0.5, 16, 0),
]
CEIL = [(64, 2, 32, 1), (5, 2, 3, 1), (16, 3, 6, 2), (4, 8, 1, 7), (9, 1, 9, 0), (1, 2, 1, 0)]
FLOOR = [(12, 2, 6, 1), (12, 3, 4, 2), (8, 8, 1, 7), (9, 1, 9, 0)]
GOLDEN = [
    (*row, split)
    for split, rows in (("round", ROUND), ("ceil", CEIL), ("floor", FLOOR))
    for row in rows
]


@pytest.mark.parametrize(("c_out", "ratio", "c_int", "multiplier", "split"), GOLDEN)
def test_channels_are_divided_as_the_golden_table_says(
    c_out: int, ratio: float, c_int: int, multiplier: int, split: str
) -> None:
    assert split_channels(c_out, ratio, split) == ChannelSplit(c_int, multiplier)


def test_round_is_the_default_split() -> None:
    assert split_channels(5, 2) == split_channels(5, 2, "round")


@given(CHANNELS, RATIOS)
def test_primary_and_cheap_channels_cover_the_output(c_out: int, ratio: float) -> None:
    split = split_channels(c_out, ratio)

    assert split.c_int + split.c_cheap >= c_out


@given(CHANNELS, RATIOS)
def test_no_smaller_multiplier_covers_the_output(c_out: int, ratio: float) -> None:
    split = split_channels(c_out, ratio)

    assert split.multiplier == 0 or split.c_int * split.multiplier < c_out


@given(CHANNELS, RATIOS)
def test_divisible_ghost_channels_are_computed_without_crop(c_out: int, ratio: float) -> None:
    c_int = max(1, round(c_out / ratio))
    c_ghost = c_out - c_int
    split = split_channels(c_out, ratio)

    if c_ghost > 0 and c_ghost % c_int == 0:
        assert split.c_cheap == c_ghost
    else:
        assert split.c_cheap == 0 or split.c_cheap > c_ghost


@given(CHANNELS, WHOLE_RATIOS)
def test_ceil_split_needs_a_crop_of_less_than_one_ratio(c_out: int, ratio: int) -> None:
    split = split_channels(c_out, ratio, "ceil")

    assert split.c_int == len(range(0, c_out, ratio))
    assert split.c_cheap in (0, split.c_int * (ratio - 1))
    assert split.c_int + split.c_cheap >= c_out


@given(CHANNELS, WHOLE_RATIOS)
def test_all_splits_agree_where_the_ratio_divides_the_channels(c_int: int, ratio: int) -> None:
    splits = {split_channels(c_int * ratio, ratio, split) for split in ("round", "ceil", "floor")}

    assert splits == {ChannelSplit(c_int, ratio - 1)}


@given(st.integers(1, 9), st.integers(1, 5))
def test_kernel_span_reaches_from_the_first_to_the_last_tap(size: int, dilation: int) -> None:
    taps = [position * dilation for position in range(size)]

    assert kernel_span(size, dilation) == taps[-1] - taps[0] + 1


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4))
def test_output_size_counts_the_windows(size: int, kernel: int, stride: int, padding: int) -> None:
    padded = size + 2 * padding
    windows = [start for start in range(0, padded, stride) if start + kernel <= padded]

    assert max(output_size(size, kernel, stride, padding), 0) == len(windows)


@given(st.integers(1, 40), st.integers(0, 5))
def test_same_padding_keeps_the_size_for_odd_kernels(size: int, half: int) -> None:
    kernel = 2 * half + 1

    assert output_size(size, kernel, 1, same_padding(kernel)) == size


@pytest.mark.parametrize(("fan_in", "bound"), [(1, 1.0), (9, 1 / 3), (16, 0.25)])
def test_uniform_bound_is_one_over_the_root_of_the_fan_in(fan_in: int, bound: float) -> None:
    assert uniform_bound(fan_in) == pytest.approx(bound, rel=1e-15)
