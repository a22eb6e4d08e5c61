"""The command `ghost-conformance merge`."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands import common
from conformance.commands.merging import merge as merge_reports
from conformance.reports import files, terminal
from conformance.reports.report import LINES, lines_of, read_report
from conformance.running.journal import lock_folder


@click.command(cls=common.Recorded)
@click.argument("reports", type=common.FILE, nargs=-1, required=True, metavar="REPORT...")
@click.option(
    "--report", "folder", type=common.FOLDER, required=True,
    help="Write report.jsonl, report.html, junit.xml, summary.md and badge.json there.",
)  # fmt: skip
def merge(reports: tuple[Path, ...], folder: Path) -> None:
    """Make one report of the shards of a run, as if it had never been shared.

    Each REPORT is the folder that `run --shard` wrote, or the report.jsonl in it. Exit codes are
    those of `run`: whether every tier judged enough is said here, of all shards together.
    """
    common.exit_with(lambda: _merge(reports, folder))


def _merge(reports: tuple[Path, ...], folder: Path) -> int:
    paths = [lines_of(path) for path in reports]
    if (folder / LINES).resolve() in [path.resolve() for path in paths]:
        raise click.UsageError(f"`--report` must be another folder than that of a shard: {folder}")
    run, report = merge_reports(
        [(path, read_report(path)) for path in paths], common.typed_command()
    )
    console = terminal.console()
    terminal.show(console, run, report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock_folder(folder):
            files.prepare(folder)
            files.write_report(folder, report)
    except OSError as error:
        console.print(f"there is no report in {folder}: {error.strerror}", style="red")
        return common.HARNESS_FAILED
    console.print(f"report in {folder}")
    return common.exit_code(console, run)
