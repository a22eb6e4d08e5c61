"""How far cases are from what is allowed: histograms of error / allowed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

# The drawn range of log10(error / allowed); values beyond it are drawn at its ends.
LEAST, MOST, BINS = -4.0, 2.0, 24
BAR, TALLEST = 10, 52
# The place of the limit, and marks of the axis with their places, far enough apart to be read.
LIMIT = BAR * BINS * -LEAST / (MOST - LEAST) + 4
TICKS = [
    (BAR * BINS * (power - LEAST) / (MOST - LEAST) + 4, f"{10.0**power:g}")
    for power in range(int(LEAST), int(MOST) + 1, 2)
]  # fmt: skip


def bars(ratios: Iterable[float]) -> list[tuple[float, float, bool]]:
    """The bars of a histogram: the place, the height, and whether it is beyond the limit.

    >>> bars([0.05, 0.05, 2.0])
    [(104.0, 52.0, False), (174.0, 26.0, True)]
    """
    found = Counter(map(_bin, ratios))
    tallest = max(found.values(), default=1)
    return [
        (4.0 + BAR * place, round(TALLEST * number / tallest, 1), place * BAR + 4 >= LIMIT)
        for place, number in sorted(found.items())
    ]


def _bin(ratio: float) -> int:
    """The bar of a ratio; what is at the limit is below it."""
    power = math.log10(min(max(ratio, 10**LEAST), 10**MOST))
    place = (power - LEAST) / (MOST - LEAST) * BINS
    return min(max(math.ceil(place) - 1, 0), BINS - 1)
