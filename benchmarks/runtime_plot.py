"""The suite `runtime` as a plot, and as the table of `docs/deployment.md`."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from benchmarks.plots import COLOURS, pyplot, save
from benchmarks.shapes import BATCHES, NETWORKS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "deployment.md"
BEGIN, END = "<!-- runtimes -->", "<!-- end of runtimes -->"
# Of the plot, in the folder of results and in that of the page.
NAME, FOLDER = "runtimes", "performance"
ALT = "The time of each runtime, a panel for each network and batch, the fastest on top"
# Programs that want to run, above which others ran beside the suite.
BUSY = 0.5


def plot_runtimes(rows: Sequence[Row], folder: Path) -> None:
    """PNG and SVG: a panel for each network and batch, the fastest on top."""
    cases = _cases(rows)
    networks = [name for name, *_ in NETWORKS if any(case.startswith(name) for case in cases)]
    size = {"figsize": (11, 4.2 * len(networks)), "layout": "constrained"}
    figure, axes = pyplot().subplots(len(networks), len(BATCHES), squeeze=False, **size)
    for line, name in enumerate(networks):
        for column, batch in enumerate(BATCHES):
            _panel(axes[line][column], cases[f"{name} batch {batch}"], f"{name}, batch {batch}")
    save(figure, folder, NAME, dpi=90)


def write_page(
    rows: Sequence[Row], machine: Mapping[str, Any], folder: Path, page: Path = PAGE
) -> None:
    """Put the table of a run into the page, and its plot beside it."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.partition(END)[2]
    text = f"{BEGIN}\n\n{_told(machine)}\n\n{table(rows)}\n![{ALT}]({FOLDER}/{NAME}.png)\n\n{END}"
    page.write_text(f"{before}{text}{after}", encoding="utf-8")
    shutil.copy(folder / f"{NAME}.png", page.parent / FOLDER)


def _told(machine: Mapping[str, Any]) -> str:
    """The machine of a run, in words."""
    load, versions = machine["load"], machine["versions"]
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    text = (
        f"Medians in milliseconds on {machine['threads']} threads of {machine['processor']}, with "
        f"{names}."
    )
    if load <= BUSY:
        return text
    return (
        f"{text}\nOther programs ran on it (a load of {load:.1f} before the run): as candidates "
        "take turns, their ratios hold better than the milliseconds."
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each candidate, the fastest first, a column for each network and batch.

    Below stands why cells have no figure.

    >>> case = ("runtime", "runtime", "net batch 1", "forward")
    >>> found = [Row(*case, "litert", 5.5, 0.1), Row(*case, "onnx", 4.21, 0.1)]
    >>> found += [Row(*case, "ncnn", math.nan, math.nan, reason="not installed")]
    >>> print(table(found))
    | milliseconds | net batch 1 |
    | --- | --- |
    | onnx | 4.2 |
    | litert | 5.5 |
    | ncnn | (1) |
    <BLANKLINE>
    1. not installed
    <BLANKLINE>
    """
    own = [row for row in rows if row.suite == "runtime"]
    cases = list(dict.fromkeys(row.case for row in own))
    reasons = list(dict.fromkeys(row.reason for row in own if row.reason))
    lines = [["milliseconds", *cases], ["---"] * (1 + len(cases))]
    cells = {(row.candidate, row.case): _cell(row, reasons) for row in own}
    for name in _by_speed(own):
        lines.append([name, *(cells.get((name, case), "") for case in cases)])
    notes = "".join(f"{number}. {reason}\n" for number, reason in enumerate(reasons, start=1))
    text = "".join(f"| {' | '.join(parts)} |\n" for parts in lines)
    return f"{text}\n{notes}" if notes else text


def _cell(row: Row, reasons: Sequence[str]) -> str:
    return f"({reasons.index(row.reason) + 1})" if row.reason else f"{row.value:.1f}"


def _by_speed(rows: Sequence[Row]) -> list[str]:
    """The candidates by their first figure; those without one last."""
    first: dict[str, float] = {}
    for row in rows:
        if first.get(row.candidate, math.inf) == math.inf:
            first[row.candidate] = math.inf if row.reason else row.value
    return sorted(first, key=first.__getitem__)


def _panel(ax, times, title) -> None:  # type: ignore[no-untyped-def]
    ordered = sorted(times.items(), key=lambda item: item[1])
    ours = {"PyTorch": COLOURS["torch"], "JAX": COLOURS["jax"], "Keras": COLOURS["tf"]}
    colours = [ours.get(name.partition(",")[0], COLOURS["numpy"]) for name, _ in ordered]
    bars = ax.barh([name for name, _ in ordered], [time for _, time in ordered], color=colours)
    ax.bar_label(bars, fmt="%.1f", padding=3, fontsize="x-small")
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_title(title)
    ax.set_xlabel("ms")
    ax.tick_params(axis="y", labelsize="small")


def _cases(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """The time of each candidate that has one, by case."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.suite == "runtime":
            found.setdefault(row.case, {})
        if row.suite == "runtime" and not row.reason:
            found[row.case][row.candidate] = row.value
    return found
