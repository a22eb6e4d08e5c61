"""Ratios that divide the channels of ghost modules as a state dict shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, floor

from weights.arithmetic import ChannelSplit, split_channels
from weights.checks import choice, integer, plain_number
from weights.errors import ImportRefused
from weights.modules.arguments import SPLITS


def find_ratio(c_out: object, channels: ChannelSplit, split: object) -> tuple[float, bool]:
    """Return a ratio that divides `c_out` into `channels`, and whether no other integer does.

    Raises `ImportRefused` where none does.

    >>> find_ratio(64, ChannelSplit(32, 1), "round")
    (2, True)
    >>> find_ratio(5, ChannelSplit(1, 4), "round")  # 4 or 5: the module computes the same
    (5, False)
    """
    c_out, split = integer("c_out", c_out, minimum=1), choice("split", split, SPLITS)
    c_int, widest = channels.c_int, channels.c_int + channels.c_cheap

    def fits(ratio: float) -> bool:
        return split_channels(c_out, ratio, split) == channels

    def is_other(ratio: float) -> bool:
        return 1 <= ratio <= c_out and fits(ratio)

    exact = [c_out / c_int] if split == "round" and c_out <= widest else []
    for ratio in (2, 1 + channels.multiplier, *exact):
        if c_out <= widest and fits(ratio):
            # The ratios that divide alike are neighbours.
            unique = ratio == int(ratio) and not is_other(ratio - 1) and not is_other(ratio + 1)
            return ratio, unique
    raise ImportRefused(
        f"no ratio divides {c_out} channels into {channels.c_int} primary and {channels.c_cheap} "
        f"cheap ones with split {split!r}: give `c_out`, `ratio` and `split` in the configuration"
    )


def find_ratios(divided: Mapping[int, ChannelSplit], split: str) -> Iterator[float]:
    """Yield the ratios that divide every number of channels as `divided` has it, plain ones first.

    >>> next(find_ratios({16: ChannelSplit(6, 2), 32: ChannelSplit(13, 2)}, "round"))
    2.5
    """
    candidates = [1.0 + channels.multiplier for channels in divided.values()]
    if split == "round":
        low = max(c_out / (channels.c_int + 0.5) for c_out, channels in divided.items())
        plain = [x / n for n in (1, 2, 4, 10, 100) for x in (ceil(low * n), floor(low * n) + 1)]
        exact = [c_out / channels.c_int for c_out, channels in divided.items()]
        candidates = [2.0, *plain, *exact]
    for ratio in dict.fromkeys(candidates):
        if all(split_channels(c, ratio, split) == channels for c, channels in divided.items()):
            yield plain_number(ratio)
