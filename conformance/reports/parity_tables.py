"""What a person, or a program, sees of parity: stages by implementations, and what came first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.implementations.registry import Availability
from conformance.judging.verdict import Status, Verdict
from conformance.parity.tier import Difference, ParityTier
from conformance.running.results import Run, is_green

# From the least to tell to the most.
SEVERITY = (Status.PASS, Status.SKIP, Status.KNOWN, Status.FAIL, Status.ERROR)
STYLES = {Status.SKIP: "yellow", Status.FAIL: "red", Status.ERROR: "red"}
Row = tuple[str, str]


def show(
    console: Console, tier: ParityTier, run: Run, missing: Sequence[Availability], *, verbose: bool
) -> None:
    """The table, notes, the first difference of each implementation, and who is to blame."""
    console.print(table(tier, run, verbose=verbose))
    for note in tier.notes():
        console.print(f"note: {note}", highlight=False, style="yellow")
    for gap in missing:
        console.print(f"{gap.name} is missing: {gap.reason}", highlight=False, style="yellow")
    for reason in dict.fromkeys(_skips(run)):
        console.print(reason, highlight=False, style="yellow")
    differences = tier.first_differences(run.verdicts)
    for difference in differences:
        console.print(describe(difference), highlight=False, soft_wrap=True)
    for conclusion in tier.conclusions(differences):
        console.print(conclusion, highlight=False, style="red", soft_wrap=True)
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


def describe(difference: Difference) -> Text:
    """Where an implementation first differs, and by how much."""
    verdict = difference.verdict
    lines = [f"  {verdict.message}"]
    lines += [f"  worst {verdict.worst}"] if verdict.worst else []
    lines += [f"  hint: {verdict.hint}"] if verdict.hint else []
    title = f"{verdict.implementation} first differs at {difference.place}"
    return Text(title, "bold red").append("\n" + "\n".join(lines), "default")


def as_json(tier: ParityTier, run: Run) -> str:
    """Everything that was found, as one JSON object."""
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
    place = tier.places[verdict.case]
    where = {"comparison": place.comparison, "input": place.input, "stage": place.stage}
    return where | verdict.to_dict()


def _cell(verdicts: Sequence[Verdict]) -> Text:
    if not verdicts:
        return Text("")
    worst = max(verdicts, key=lambda v: (SEVERITY.index(v.status), v.ratio or 0.0))
    words = worst.status.value if worst.ratio is None else f"{worst.ratio:.3g}"
    return Text(words, STYLES.get(worst.status, "green"))


def _skips(run: Run) -> Iterator[str]:
    for verdict in run.verdicts:
        if verdict.status is Status.SKIP:
            yield f"{verdict.implementation} was not compared: {verdict.message}"
