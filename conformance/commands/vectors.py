"""The commands `ghost-conformance vectors export` and `vectors check`."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.common import FOLDER, PASSED, exit_code, exit_with
from conformance.reports import terminal
from conformance.running.results import Run
from conformance.tiers import VECTOR_TIERS
from conformance.vectors import OUTSIDE, check

TIER = click.Choice(VECTOR_TIERS)


@click.group()
def vectors() -> None:
    """Test vectors for implementations in any language."""


@vectors.command("export")
@click.argument("folder", type=FOLDER)
def export_command(folder: Path) -> None:
    """Write inputs, right outputs and their tolerances into FOLDER."""
    from conformance.vectors import export

    def work() -> int:
        count = export(folder)
        click.echo(f"{count} cases in {folder}; the program writes TIER/CASE.safetensors")
        return PASSED

    exit_with(work)


@vectors.command("check")
@click.argument("folder", type=FOLDER)
@click.option("--outputs", required=True, type=FOLDER, help="The folder that the program wrote.")
@click.option(
    "--tier", "tiers", multiple=True, type=TIER, help="Judge this tier only; may be repeated."
)
def check_command(folder: Path, outputs: Path, tiers: tuple[str, ...]) -> None:
    """Judge the outputs of a program for the vectors in FOLDER.

    Exit code 0: every output that was written is right, 1: one is wrong, 3: less than half of the
    cases of a tier was written.
    """
    exit_with(lambda: _check(folder, outputs, tiers or VECTOR_TIERS))


def _check(folder: Path, outputs: Path, tiers: tuple[str, ...]) -> int:
    console = terminal.console()
    verdicts = [verdict for verdict in check(folder, outputs) if verdict.tier in tiers]
    if not verdicts:
        raise click.UsageError(f"{folder} has no vectors of {', '.join(tiers)}")
    run = Run(verdicts, {OUTSIDE: {}}, 0.0)
    console.print(terminal.table(run, tiers, []))
    for verdict in run.verdicts:
        if verdict.is_bad:
            console.print(terminal.failure_text(verdict), soft_wrap=True)
    return exit_code(console, run)
