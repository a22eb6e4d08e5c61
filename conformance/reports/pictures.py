"""The plots of the HTML report, as SVG text; matplotlib is imported only when one is drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.judging.verdict import Pattern

# The drawn range of log10(error / allowed): values beyond it are drawn at its ends.
MIN_POWER, MAX_POWER = -4.0, 2.0
STYLE = {
    "svg.hashsalt": "ghostconv",  # the ids in the text depend on the figure alone
    "svg.fonttype": "none",
    "font.size": 8,
}


def distribution(ratios: Mapping[str, Sequence[float]]) -> str:
    """A histogram of log10(error / allowed) for each implementation."""
    edges = np.linspace(MIN_POWER, MAX_POWER, 49)
    figure, axes = _figure(6.4, 2.4)
    for number, values in enumerate(ratios.values()):
        powers = [min(log_ratio(value), MAX_POWER) for value in values]
        axes.hist(powers, bins=edges, histtype="step", label=str(number))
    axes.axvline(0, color="#b00020", linestyle="--", linewidth=1)
    axes.set_xlabel("log10(error / allowed); beyond the dashed line a case fails")
    axes.set_ylabel("cases")
    legend = axes.legend(loc="upper right", frameon=False)
    for text, (name, values) in zip(legend.get_texts(), ratios.items(), strict=True):
        text.set_parse_math(False)  # a name may have dollars, and may begin with an underscore
        text.set_text(f"{name} ({len(values)})")
    return _svg(figure)


def heat_map(pattern: Pattern) -> str:
    """The share of wrong elements: over rows and columns, and over channels."""
    height, width = len(pattern.places), len(pattern.places[0])
    figure, (left, right) = _figure(4.0, 1.6, columns=2, widths=(1, 1.4))
    options: dict[str, Any] = {"cmap": "Reds", "vmin": 0, "vmax": 1}
    left.imshow(pattern.places, **options)
    left.set_title(f"{height} x {width} positions")
    right.imshow([pattern.channels], aspect="auto", **options)
    right.set_title(f"{len(pattern.channels)} channels")
    for axes in (left, right):
        axes.set_yticks([])
    return _svg(figure)


def log_ratio(ratio: float) -> float:
    """log10(error / allowed), cut off below -4 and above 4.

    >>> log_ratio(0.0), log_ratio(0.1), log_ratio(float("inf"))
    (-4.0, -1.0, 4.0)
    """
    if not math.isfinite(ratio):
        return -MIN_POWER
    return min(max(math.log10(max(ratio, 1e-300)), MIN_POWER), -MIN_POWER)


def _figure(
    width: float, height: float, columns: int = 1, widths: tuple[float, ...] | None = None
) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns, width_ratios=widths)


def _svg(figure: Any) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue().partition("<svg")[1] + stream.getvalue().partition("<svg")[2]
