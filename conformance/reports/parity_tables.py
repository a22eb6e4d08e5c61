"""The result of a parity run in the terminal and as JSON: a table, and the first differences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.judging.verdict import Status, Verdict
from conformance.parity.tier import ParityTier
from conformance.reports.terminal import failure_text, show_missing
from conformance.running.results import Run, is_green

# By which the worst of several verdicts is chosen.
SEVERITY = (Status.PASS, Status.SKIP, Status.KNOWN, Status.FAIL, Status.ERROR)
STYLES = {Status.SKIP: "yellow", Status.FAIL: "red", Status.ERROR: "red"}
Row = tuple[str, str]


def show(
    console: Console, tier: ParityTier, run: Run, missing: Mapping[str, str], *, verbose: bool
) -> None:
    """Print the table, notes, the first difference of each implementation, and the conclusions.

    With `verbose` the table has every stage.
    """
    console.print(table(tier, run, verbose=verbose))
    for note in tier.notes():
        console.print(f"note: {note}", style="yellow")
    show_missing(console, missing)
    for reason in dict.fromkeys(_skips(run)):
        console.print(reason, style="yellow")
    differences = tier.first_differences(run.verdicts)
    for difference in differences:
        title = f"{difference.verdict.implementation} first differs at {difference.place}"
        console.print(failure_text(difference.verdict, title), soft_wrap=True)
    for conclusion in tier.conclusions(differences):
        console.print(conclusion, style="red", soft_wrap=True)
    if any(verdict.status is Status.PASS for verdict in run.verdicts) and not differences:
        console.print(f"no stage differs, in {run.seconds:.0f} s", style="green")


def table(tier: ParityTier, run: Run, *, verbose: bool) -> Table:
    """Stages by implementations: the worst ratio of error to allowed, over all inputs.

    Without `verbose`, the stages that fail and the last of each comparison.
    """
    rows: dict[Row, list[Verdict]] = {}
    for verdict in run.verdicts:
        place = tier.places[verdict.case]
        rows.setdefault((place.comparison, place.stage), []).append(verdict)
    last = {comparison: (comparison, stage) for comparison, stage in rows}
    grid = Table(title=f"{tier.experiment.file.architecture}: worst error / allowed")
    for name in ("comparison", "stage"):
        grid.add_column(name)
    for name in run.versions:
        grid.add_column(name, justify="right")
    for row, verdicts in rows.items():
        if verbose or row in last.values() or any(verdict.is_bad for verdict in verdicts):
            own = [[v for v in verdicts if v.implementation == name] for name in run.versions]
            grid.add_row(*row, *map(_cell, own))
    return grid


def markdown(tier: ParityTier, run: Run) -> str:
    """Comparisons by implementations for a model card: the worst ratio over all stages."""
    comparisons = dict.fromkeys(tier.places[verdict.case].comparison for verdict in run.verdicts)
    rows = [["error / allowed", *run.versions], ["---"] * (1 + len(run.versions))]
    for comparison in comparisons:
        of_it = [v for v in run.verdicts if tier.places[v.case].comparison == comparison]
        own = [[v for v in of_it if v.implementation == name] for name in run.versions]
        rows.append([f"{comparison} weights", *(_cell(verdicts).plain for verdicts in own)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_json(tier: ParityTier, run: Run) -> str:
    """The whole result as one JSON object."""
    differences = tier.first_differences(run.verdicts)
    found = {
        "architecture": tier.experiment.file.architecture,
        "content_sha256": tier.experiment.file.metadata["content_sha256"],
        "passed": is_green(run),
        "versions": run.versions,
        "notes": tier.notes(),
        "first_differences": [_entry(tier, difference.verdict) for difference in differences],
        "conclusions": list(tier.conclusions(differences)),
        "verdicts": [_entry(tier, verdict) for verdict in run.verdicts],
    }
    return json.dumps(found, indent=1, allow_nan=False)


def _entry(tier: ParityTier, verdict: Verdict) -> dict[str, Any]:
    return asdict(tier.places[verdict.case]) | verdict.to_dict()


def _cell(verdicts: Sequence[Verdict]) -> Text:
    if not verdicts:
        return Text("")
    worst = max(verdicts, key=lambda v: (SEVERITY.index(v.status), v.ratio or 0.0))
    text = worst.status.value if worst.ratio is None else f"{worst.ratio:.3g}"
    return Text(text, STYLES.get(worst.status, "green"))


def _skips(run: Run) -> Iterator[str]:
    for verdict in run.verdicts:
        if verdict.status is Status.SKIP:
            yield f"{verdict.implementation} was not compared: {verdict.message}"
