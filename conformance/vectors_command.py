"""The commands `ghost-conformance vectors export` and `vectors check`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from conformance import terminal
from conformance.command import FAILED, HARNESS_FAILED, PASSED, exit_with
from conformance.verdict import Status

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def vectors() -> None:
    """Test vectors for implementations in any language."""


@vectors.command("export")
@click.argument("folder", type=FOLDER)
def export_command(folder: Path) -> None:
    """Write inputs, wanted outputs and what may differ into FOLDER."""
    from conformance.vectors import export

    def work() -> int:
        count = export(folder)
        click.echo(f"{count} cases in {folder}; the program writes TIER/CASE.safetensors")
        return PASSED

    exit_with(work)


@vectors.command("check")
@click.argument("folder", type=FOLDER)
@click.option("--outputs", required=True, type=FOLDER, help="What the program wrote.")
def check_command(folder: Path, outputs: Path) -> None:
    """Judge the outputs of a program for the vectors in FOLDER.

    Exit code 0: all that was written is right, 1: something is not, 3: nothing was written.
    """
    exit_with(lambda: _check(folder, outputs))


def _check(folder: Path, outputs: Path) -> int:
    from conformance.results import Run
    from conformance.vectors import OUTSIDE, VECTOR_TIERS, check

    console = terminal.console()
    verdicts = list(check(folder, outputs))
    run = Run(verdicts, {OUTSIDE: {}}, 0.0)
    console.print(terminal.table(run, VECTOR_TIERS, []))
    for verdict in run.verdicts:
        if verdict.is_bad:
            console.print(terminal.describe(verdict), highlight=False, soft_wrap=True)
    found = Counter(verdict.status for verdict in verdicts)
    if found[Status.SKIP] == len(verdicts):
        console.print(f"nothing was checked: {outputs} has no outputs", style="red")
        return HARNESS_FAILED
    return FAILED if run.has_failed else PASSED
