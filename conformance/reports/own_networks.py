"""Where users' own networks diverge, in the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.parity.own.arrays import Match, State
from conformance.parity.own.divergence import Comparison, Step
from conformance.parity.own.explanations import explain
from conformance.parity.own.networks import Answer
from weights.text import listed

# Gradients and statistics that are shown of those that differ.
MOST_TENSORS = 5
STYLES = {State.EQUAL: "green", State.REORDERED: "yellow", State.DIFFERENT: "red"}


def show(console: Console, answer: Answer, found: Sequence[Comparison], *, verbose: bool) -> None:
    """Print the table, and for each network where it diverges and what explains that.

    With `verbose` the table has every module.
    """
    console.print(_table(answer, found, verbose=verbose))
    for comparison in found:
        for line in sentences(comparison):
            console.print(line, style=None if comparison.agrees else "red", soft_wrap=True)
        for line in notes(comparison):
            console.print(f"note: {line}", style="yellow", soft_wrap=True)


def sentences(comparison: Comparison) -> Iterator[str]:
    """Where the network diverges, whether its input is equal there, and the hints."""
    here, there, step = comparison.record.framework, comparison.baseline.framework, comparison.first
    if comparison.agrees:
        yield f"{here}: every output is {there}'s"
    if step is not None and step.outputs is not None:
        yield f"{here} first differs from {there} at {_named(step)}: {_size(step.outputs)}"
        yield f"  {place(comparison, step)}"
        yield from (f"  hint: {hint}" for hint in explain(comparison))
    for each in comparison.tensors[:MOST_TENSORS] if step is None else ():
        hint = f"; hint: {each.hint}" if each.hint else ""
        yield f"{here} differs from {there} in the {_singular(each.kind)} of {each.name}: " + (
            f"{_size(each.match)}{hint}"
        )
    more = len(comparison.tensors) - MOST_TENSORS
    if step is None and more > 0:
        yield f"  and in {more} more"


def place(comparison: Comparison, step: Step) -> str:
    """Whether the fault is in the module or in what happens before it."""
    if step.reads_the_same:
        inside = any(
            other.key.path.startswith(f"{step.key.path}." if step.key.path else "")
            for other in comparison.steps
            if other is not step
        )
        where = "between the modules inside it" if inside else "in this module"
        return f"its input is still equal: the fault is {where}"
    if step.inputs is None:
        return "its inputs could not be compared"
    if step.inputs.state is State.REORDERED:
        return "its input has the same values in another order"
    before = comparison.before
    start = f"between {before.key} and it" if before else "before it"
    alone = listed(map(str, comparison.between))
    return f"its input differs already: the fault is {start}" + (f" ({alone})" if alone else "")


def notes(comparison: Comparison) -> Iterator[str]:
    """What was not compared, or differs without an effect."""
    here, there = comparison.record, comparison.baseline.exact
    for record, keys in ((there, comparison.only_there), (here, comparison.only_here)):
        if keys:
            names = listed(f"{key} ({record.calls[key].type})" for key in keys)
            yield f"only in {record.framework}: {names}"
    for path in comparison.uneven:
        yield f"{path} is not called as often in {here.framework} as in {there.framework}"
    if comparison.first is None and comparison.healed:
        names = listed(map(_healed, comparison.healed))
        yield f"other outputs in {here.framework} that do not change the network's: {names}"
    if not there.double:
        yield f"{there.framework} does not run in float64: the reference is its float32"
    for record in (there, here):
        if record.no_gradients:
            yield f"no gradients of {record.framework}: {record.no_gradients}"


def as_json(answer: Answer, found: Sequence[Comparison]) -> str:
    """The whole result as one JSON object."""
    content = {
        "reference": answer.baseline.framework,
        "double": answer.baseline.exact.double,
        "passed": all(comparison.agrees for comparison in found),
        "versions": dict(answer.versions),
        "networks": {each.record.framework: _entry(each) for each in found},
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _entry(comparison: Comparison) -> dict[str, Any]:
    first = comparison.first
    return {
        "first": None if first is None else first.key.path,
        "input_is_equal": None if first is None else first.reads_the_same,
        "hints": list(explain(comparison)),
        "steps": [_step(step) for step in comparison.steps],
        "tensors": [
            {"kind": each.kind, "name": each.name, "hint": each.hint, **_numbers(each.match)}
            for each in comparison.tensors
        ],
        "notes": list(notes(comparison)),
    }


def _step(step: Step) -> dict[str, Any]:
    numbers = {} if step.outputs is None else _numbers(step.outputs)
    return {"path": step.key.path, "call": step.key.number, "types": list(step.types), **numbers}


def _numbers(match: Match) -> dict[str, Any]:
    ratio = match.ratio if match.has_equal_shapes and match.ratio < float("inf") else None
    return {"state": match.state.value, "ratio": ratio}


def _table(answer: Answer, found: Sequence[Comparison], *, verbose: bool) -> Table:
    """Modules by networks: the error of the output over what is allowed."""
    precision = "float64" if answer.baseline.exact.double else "float32"
    grid = Table(title=f"error / allowed, against {answer.baseline.framework} in {precision}")
    grid.add_column("module")
    grid.add_column(answer.baseline.framework)
    for comparison in found:
        grid.add_column(comparison.record.framework, justify="right")
    rows = [{step.key: step for step in comparison.steps} for comparison in found]
    for key, call in answer.baseline.exact.calls.items():
        cells = [row.get(key) for row in rows]
        if verbose or not key.path or any(step and step.differs for step in cells):
            grid.add_row(str(key), call.type, *map(_cell, cells))
    return grid


def _cell(step: Step | None) -> Text:
    if step is None or step.outputs is None:
        return Text("")
    match = step.outputs
    text = match.state.value if match.state is State.REORDERED else _ratio(match)
    return Text(text, STYLES[match.state])


def _ratio(match: Match) -> str:
    return f"{match.ratio:.3g}" if match.has_equal_shapes else f"shape {match.got.shape}"


def _size(match: Match) -> str:
    if not match.has_equal_shapes:
        return f"shape {match.got.shape} where {match.wanted.shape} is wanted"
    return f"{match.ratio:.3g} times the error that is allowed"


def _named(step: Step) -> str:
    return f"{step.key} ({', '.join(dict.fromkeys(step.types))})"


def _healed(step: Step) -> str:
    return f"{step.key} (it gives {step.stands_for})" if step.stands_for else str(step.key)


def _singular(kind: str) -> str:
    return kind.removesuffix("s")
