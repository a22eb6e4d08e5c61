"""Tables for people; rich is imported only when one is printed, for a quick start."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from weights.networks.custom import by_module
from weights.text import bounded, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from weights.files.diff import FileDifference, TensorDifference
    from weights.networks.summary import Summary

DIGEST_LENGTH = 12
# Columns of a pipe: wide enough for every name, as a folded name cannot be searched for.
PIPE_WIDTH = 200


def print_description(title: str, document: Mapping[str, Any]) -> None:
    """Print the contents of a file: the facts, then the tensors, a line each."""
    facts = {name: value for name, value in document.items() if name not in ("tensors", "config")}
    facts |= {f"config.{name}": value for name, value in by_module(document["config"]).items()}
    rows = [
        (name, each["kind"], each["dtype"], _shape(each["shape"]), each["sha256"][:DIGEST_LENGTH])
        for name, each in document["tensors"].items()
    ]
    # Without rich, which takes longer for hundreds of rows than everything else.
    tensors = f"{len(rows)} tensors: name, kind, dtype, shape, SHA-256"
    lines = [printable(title), "", *aligned(list(facts.items())), "", tensors, "", *aligned(rows)]
    click.echo("\n".join(lines))


def print_summary(counts: Summary) -> None:
    """Print the counts of an architecture as a table."""
    macs = f"multiply-accumulates at {counts.height}x{counts.width}"
    rows = [
        ("parameters", f"{counts.parameters:,}"),
        ("running statistics", f"{counts.statistics:,}"),
        (macs, f"{counts.multiply_accumulates:,}"),
    ]
    new_console().print(new_table(counts.architecture, ("what", "count"), rows))


def print_difference(title: str, difference: FileDifference) -> None:
    """Print the differences of the configuration, then the tensors that differ, a row each."""
    console = new_console()
    for line in difference.config:
        console.print(bounded(line))
    differing = [tensor for tensor in difference.tensors if not tensor.equal]
    if differing:
        columns = ("name", "max |difference|", "at", "looks like")
        console.print(new_table(title, columns, map(_difference_row, differing)))
    count = len(difference.tensors)
    console.print(f"{count - len(differing)} of {count} tensors are equal")


def difference_document(difference: FileDifference) -> dict[str, Any]:
    """Return a difference as a JSON document; a number that JSON lacks is written as a string."""
    tensors = {
        tensor.name: {
            "looks_like": tensor.looks_like,
            "maximum": _json_number(tensor.maximum),
            "index": tensor.index,
        }
        for tensor in difference.tensors
    }
    return {"equal": difference.equal, "config": difference.config, "tensors": tensors}


def _difference_row(tensor: TensorDifference) -> tuple[str, str, str, str]:
    maximum = "" if tensor.maximum is None else f"{tensor.maximum:.6g}"
    index = "" if tensor.index is None else f"[{', '.join(map(str, tensor.index))}]"
    return tensor.name, maximum, index, tensor.looks_like


def aligned(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return rows as lines of aligned columns.

    >>> aligned([("bias", "F32"), ("weight", "F16")])
    ['bias    F32', 'weight  F16']
    """
    cells = [[_plain(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def new_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Make a table of rich, each value on one line."""
    from rich.table import Table

    table = Table(*columns, title=printable(title), title_justify="left")
    for row in rows:
        table.add_row(*map(_plain, row))
    return table


def new_console() -> Console:
    """Make the console that prints tables; no value is taken for markup."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def _plain(value: object) -> str:
    """Return a value on one line, without control characters."""
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value, sort_keys=True)


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _json_number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
