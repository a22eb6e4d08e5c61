"""The command line: `ghost-conformance`, or `python -m conformance`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from conformance.command import exit_code, exit_with, implementations
from conformance.implementations import Availability
from conformance.parity_command import parity
from conformance.selftest_command import selftest
from conformance.tiers import TIERS, NetworkTier, RandomTier, Tier, TrainingTier
from conformance.vectors_command import vectors


@click.group(
    commands=[parity, selftest, vectors], context_settings={"help_option_names": ["-h", "--help"]}
)
def main() -> None:
    """Hold implementations of GhostConv against a float64 oracle and against each other."""


@main.command()
@click.option(
    "--implementation",
    "names",
    multiple=True,
    metavar="NAME",
    help="ghost_torch, ghost_jax, ghost_tf, oracle or package.module:function; may be "
    "repeated. Default: all of ours that are installed.",
)
@click.option(
    "--tier",
    "tier_names",
    multiple=True,
    type=click.Choice(list(TIERS)),
    help="Run this tier only; may be repeated.",
)
@click.option("--case", "case_id", metavar="ID", help="Run this case only.")
@click.option(
    "--random",
    "count",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Run N random layers too, the same every time.",
)
@click.option("--full", is_flag=True, help="Run every row of tier training, not the usual few.")
@click.option(
    "--report",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.jsonl, junit.xml and report.html into this folder.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="The weight file that tier network runs, instead of the digits.",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    help="A safetensors file with `images` (N, H, W, C) and `labels`, for --weights.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="How many implementations run at once.",
)
def run(
    names: tuple[str, ...], tier_names: tuple[str, ...], case_id: str | None, count: int,
    full: bool, folder: Path | None, weights: Path | None, images: Path | None, jobs: int,
) -> None:  # fmt: skip
    """Run the suite. Exit code 0: all passed, 1: a case failed, 2: usage, 3: the harness failed."""
    chosen, missing = implementations(names)
    tiers = [TIERS[name] for name in TIERS if not tier_names or name in tier_names]
    _configure_network(weights, images)
    _configure_size(count, full)
    exit_with(lambda: _run(chosen, missing, tiers, case_id, folder, jobs))


@main.command("list")
@click.option("--tier", "tier_names", multiple=True, type=click.Choice(list(TIERS)))
def list_cases(tier_names: tuple[str, ...]) -> None:
    """Print the id of every case."""
    for name, tier in TIERS.items():
        if not tier_names or name in tier_names:
            for case in tier.cases():
                click.echo(f"{name}  {case.id}")


def _configure_size(count: int, full: bool) -> None:
    for tier in TIERS.values():
        if isinstance(tier, TrainingTier):
            tier.full = full
        if isinstance(tier, RandomTier):
            tier.count = count


def _configure_network(weights: Path | None, images: Path | None) -> None:
    network = TIERS["network"]
    if (weights is None) != (images is None):
        raise click.UsageError("`--weights` and `--images` belong together, got one of them")
    if weights is not None and images is not None and isinstance(network, NetworkTier):
        network.configure(weights=weights, images=images)


def _run(
    names: Sequence[str], missing: Sequence[Availability], tiers: Sequence[Tier],
    case_id: str | None, folder: Path | None, jobs: int,
) -> int:  # fmt: skip
    from rich.console import Console

    from conformance import runner, terminal
    from conformance.html import write_page
    from conformance.report import prepare, write_report

    work = runner.plan(tiers, case_id)
    if not work:
        raise click.UsageError(f"no case is called {case_id!r}: see `ghost-conformance list`")
    if folder is not None:
        prepare(folder)
    console = Console()
    total = sum(len(cases) for _, cases in work)
    with terminal.Counts(console, names, total) as progress:
        result = runner.run(names, work, progress.observe, jobs)
    used = [tier.name for tier, _ in work]
    notes = [note for tier, _ in work for note in getattr(tier, "notes", list)()]
    options = {tier.name: getattr(tier, "options", str)() for tier, _ in work}
    terminal.show(console, result, used, missing, notes, options)
    if folder is not None:
        write_report(folder, result, used, missing)
        write_page(folder, options)
        console.print(f"report in {folder}", highlight=False)
    return exit_code(console, result)
