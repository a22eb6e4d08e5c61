"""Reports of a benchmark: tables, plots, and a comparison with earlier results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from benchmarks.measure import Row
from benchmarks.plots import COLOURS, pyplot, save
from benchmarks.targets import OURS, PLAIN, RATIO_2, Table, Target, contains, targets
from weights.frameworks import FRAMEWORKS

# A ratio has to grow by this much before it counts as slower: timings are noisy.
NOISE = 1.15
TICKS = (0.5, 1, 2, 4, 8)


def read_rows(path: Path) -> list[Row]:
    """The rows of an earlier results.json."""
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print every row with its ratio to the plain convolution, and the targets."""
    grid = Grid(title="time / plain deployed convolution of the same framework and run")
    for column in ("framework", "case", "what", "candidate", "ratio", "median", "+-", ""):
        grid.add_column(column, justify="right" if column in ("ratio", "median", "+-") else "left")
    table = Table(rows)
    for row in rows:
        ratio = relative(row, table)
        cells = (row.framework, row.case, row.what, row.candidate)
        numbers = (f"{row.value:.3f}", f"{row.spread:.3f}", row.reason or row.unit)
        grid.add_row(*cells, "" if ratio is None else f"{ratio:.2f}", *numbers)
    console.print(grid)
    console.print(target_table(targets(rows)))


def target_table(found: Sequence[Target]) -> Grid:
    """Every target with what was measured."""
    grid = Grid(title="targets")
    for column in ("what", "target", "worst", "median", "", "worst case"):
        grid.add_column(column)
    for each in found:
        case, worst = each.worst
        verdict = "met" if each.is_met else "not met"
        cells = (f"{each.better} {each.wanted:g}", f"{worst:.2f}", f"{each.median:.2f}", verdict)
        grid.add_row(each.what, *cells, case, style=None if each.is_met else "yellow")
    return grid


def relative(row: Row, table: Table) -> float | None:
    """The time over that of the plain convolution of the same run."""
    name = "plain deployed" if row.what == "forward" else "plain"
    plain = table.time(row.framework, row.suite, row.case, row.what, name)
    return None if plain is None else row.value / plain


def compare(console: Console, rows: Sequence[Row], earlier: Sequence[Row]) -> None:
    """Print the rows that are slower than `earlier`, by the ratio to their plain convolution."""
    tables = Table(rows), Table(earlier)
    before = {_key(row): relative(row, tables[1]) for row in earlier}
    slower = 0
    for row in rows:
        now, then = relative(row, tables[0]), before.get(_key(row))
        if now is not None and then is not None and now > NOISE * then:
            slower += 1
            console.print(f"slower: {' '.join(_key(row))}: {then:.2f} -> {now:.2f}")
    console.print(f"{slower} of {len(rows)} rows slower by more than {NOISE - 1:.0%}")


def plot(rows: Sequence[Row], folder: Path) -> None:
    """PNG and SVG: the deployed layers beside the plain convolution, and ours beside naive."""
    figure, axes = pyplot().subplots(1, 2, figsize=(13, 5.5), sharey=True, layout="constrained")
    _bars(axes[0], rows, PLAIN, OURS, "plain / ours, both deployed")
    _bars(axes[1], rows, ("naive",), ("ours",), "naive / ours, training form")
    axes[0].invert_yaxis()  # the axis of both
    axes[0].legend(loc="lower right")
    save(figure, folder, "layers", dpi=110)


def _bars(axes, rows, slower, faster, title) -> None:  # type: ignore[no-untyped-def]
    table, wanted = Table(rows), partial(contains, RATIO_2)
    names = list(dict.fromkeys(r.case for r in rows if r.suite == "layer" and wanted(r.case)))
    for index, framework in enumerate(FRAMEWORKS):
        ratios = table.layers(framework, "forward", slower, faster, wanted)
        places = [names.index(case) + 0.27 * (index - 1) for case in ratios]
        colour, label = COLOURS[framework], f"ghost_{framework}"
        axes.barh(places, list(ratios.values()), 0.25, color=colour, label=label)
    axes.axvline(1, color="#404040", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_yticks(range(len(names)), [name.replace(" ratio 2", "") for name in names])
    axes.set_xlabel("times faster")
    axes.set_title(title)


def _key(row: Row) -> tuple[str, str, str, str, str]:
    return row.framework, row.suite, row.case, row.what, row.candidate
