"""The suite `runtime` as a plot, and as the table of `docs/deployment.md`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.plots import COLOURS, pyplot, save
from benchmarks.shapes import BATCHES, NETWORKS


def plot_runtimes(rows: Sequence[Row], folder: Path) -> None:
    """PNG and SVG: a panel for each network and batch, the fastest on top; and `runtimes.md`."""
    cases = _cases(rows)
    networks = [name for name, *_ in NETWORKS if any(case.startswith(name) for case in cases)]
    size = {"figsize": (11, 3.6 * len(networks)), "layout": "constrained"}
    figure, axes = pyplot().subplots(len(networks), len(BATCHES), squeeze=False, **size)
    for line, name in enumerate(networks):
        for column, batch in enumerate(BATCHES):
            _panel(axes[line][column], cases[f"{name} batch {batch}"], f"{name}, batch {batch}")
    save(figure, folder, "runtimes", dpi=90)
    Path(folder, "runtimes.md").write_text(table(rows), encoding="utf-8")


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each candidate, a column for each network and batch.

    >>> print(table([Row("runtime", "runtime", "net batch 1", "forward", "onnx", 4.21, 0.1)]))
    | milliseconds | net batch 1 |
    | --- | --- |
    | onnx | 4.2 |
    <BLANKLINE>
    """
    cases = _cases(rows)
    lines = [["milliseconds", *cases], ["---"] * (1 + len(cases))]
    for name in dict.fromkeys(row.candidate for row in rows if row.suite == "runtime"):
        times = (found.get(name) for found in cases.values())
        lines.append([name, *("" if each is None else f"{each:.1f}" for each in times)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


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
    """The time of each candidate, by case."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.suite == "runtime":
            found.setdefault(row.case, {})[row.candidate] = row.value
    return found
