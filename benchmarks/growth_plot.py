"""Time and memory against the number of tensors, as a plot and as exponents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import log
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.plots import COLOURS, pyplot, save
from weights.networks.custom import CUSTOM

SUITE = "growth"

Points = list[tuple[int, float]]


def points(rows: Iterable[Row], candidate: str) -> dict[tuple[str, str, bool], Points]:
    """Tensors and values, by what was done, framework, and whether a network grows by layers."""
    found: dict[tuple[str, str, bool], Points] = defaultdict(list)
    for row in rows:
        if row.suite == SUITE and row.candidate == candidate:
            name, _, rest = row.case.partition(" of ")
            count = int(rest.split()[0])
            found[row.what, row.framework, name == CUSTOM].append((count, row.value))
    return {key: sorted(each) for key, each in found.items()}


def exponents(rows: Iterable[Row], candidate: str) -> dict[str, float]:
    """The power of the number of tensors by which each operation grows: 1 is a straight line."""
    found = {}
    for (what, framework, is_line), each in points(rows, candidate).items():
        (fewest, least), (most, largest) = each[0], each[-1]
        if is_line and most > fewest and least:
            found[f"{framework}, {what}"] = log(largest / least) / log(most / fewest)
    return found


def plot_growth(rows: Iterable[Row], folder: Path) -> None:
    """PNG and SVG: a column for each operation, users' networks as lines, others beside."""
    rows = list(rows)
    operations = list(dict.fromkeys(row.what for row in rows if row.suite == SUITE))
    size = (3.2 * len(operations), 6)
    figure, axes = pyplot().subplots(
        2, len(operations), figsize=size, squeeze=False, layout="constrained"
    )
    for line, candidate, unit in ((0, "time", "ms of processor time"), (1, "memory", "MB")):
        for (what, framework, is_line), each in points(rows, candidate).items():
            ax = axes[line][operations.index(what)]
            style = "o-" if is_line else "x"
            label = framework if is_line else f"{framework}, published"
            ax.plot(*zip(*each, strict=True), style, color=COLOURS[framework], label=label)
        axes[line][0].set_ylabel(unit)
    for column, what in enumerate(operations):
        axes[0][column].set_title(what)
        axes[1][column].set_xlabel("tensors")
        axes[0][column].legend(fontsize="x-small")
        for ax in (axes[0][column], axes[1][column]):
            ax.set_xlim(left=0)
            ax.set_ylim(bottom=0)
    save(figure, folder, "growth", dpi=90)
