"""The command line: `ghost-conformance`, or `python -m conformance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from conformance.case_commands import show, shrink
from conformance.command import PASSED, exit_code, exit_with, implementations
from conformance.implementations import Availability
from conformance.parity_command import parity
from conformance.selftest_command import selftest
from conformance.tiers import TIERS, NetworkTier, RandomTier, Tier, TrainingTier
from conformance.vectors_command import vectors


def parse_known(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """The values of --deviations, or a usage error."""
    pairs = [value.partition("=") for value in values]
    if not all(separator and path for _, separator, path in pairs):
        raise click.BadParameter("must be NAME=FILE, such as mine:build=known.toml")
    return {name: Path(path) for name, _, path in pairs}


@click.group(
    commands=[parity, selftest, show, shrink, vectors],
    context_settings={"help_option_names": ["-h", "--help"]},
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
@click.option(
    "--case", "case_ids", multiple=True, metavar="ID", help="Run this case only; may be repeated."
)
@click.option(
    "--failed",
    "earlier",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    help="Run what failed in this report.jsonl, or gave no result.",
)
@click.option(
    "--deviations",
    "known",
    multiple=True,
    metavar="NAME=FILE",
    callback=parse_known,
    help="A TOML file of failures of implementation NAME that are known.",
)
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
    names: tuple[str, ...], tier_names: tuple[str, ...], case_ids: tuple[str, ...],
    earlier: Path | None, known: dict[str, Path], count: int,
    full: bool, folder: Path | None, weights: Path | None, images: Path | None, jobs: int,
) -> None:  # fmt: skip
    """Run the suite. Exit code 0: all passed, 1: a case failed, 2: usage, 3: the harness failed."""
    chosen, missing = implementations(names)
    tiers = [TIERS[name] for name in TIERS if not tier_names or name in tier_names]
    _configure_network(weights, images)
    _configure_size(count, full)

    def work() -> int:
        wanted = _wanted(case_ids, earlier)
        if wanted == []:
            click.echo(f"nothing failed in {earlier}")
            return PASSED
        return _run(chosen, missing, tiers, wanted, known, folder, jobs)

    exit_with(work)


@main.command("list")
@click.option("--tier", "tier_names", multiple=True, type=click.Choice(list(TIERS)))
def list_cases(tier_names: tuple[str, ...]) -> None:
    """Print the id of every case."""
    for name, tier in TIERS.items():
        if not tier_names or name in tier_names:
            for case in tier.cases():
                click.echo(f"{name}  {case.id}")


def _wanted(case_ids: Sequence[str], earlier: Path | None) -> list[str] | None:
    """The cases that are asked for, None for all of them."""
    from conformance.report import read_report

    if earlier is None:
        return list(case_ids) or None
    failed = [verdict.case for verdict in read_report(earlier).verdicts if verdict.is_bad]
    return [*case_ids, *dict.fromkeys(failed)]


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
    case_ids: Sequence[str] | None, known: dict[str, Path], folder: Path | None, jobs: int,
) -> int:  # fmt: skip
    from rich.console import Console

    from conformance import deviations, runner, terminal
    from conformance.html import write_page
    from conformance.report import prepare, write_report

    work = runner.plan(tiers, case_ids)
    if not work:
        asked = ", ".join(map(repr, case_ids or ()))
        raise click.UsageError(f"no case is called {asked}: see `ghost-conformance list`")
    lists = {name: deviations.read_deviations(path) for name, path in known.items()}
    if folder is not None:
        prepare(folder)
    console = Console()
    total = sum(len(cases) for _, cases in work)
    with terminal.Counts(console, names, total) as progress:
        result = runner.run(names, work, progress.observe, jobs)
    for name, path in lists.items():
        marked = deviations.apply(result.verdicts, name, path)
        result = replace(result, verdicts=list(marked))
    used = [tier.name for tier, _ in work]
    notes = [note for tier, _ in work for note in getattr(tier, "notes", list)()]
    options = {tier.name: getattr(tier, "options", str)() for tier, _ in work}
    terminal.show(console, result, used, missing, notes, options)
    if folder is not None:
        write_report(folder, result, used, missing)
        write_page(folder, options)
        console.print(f"report in {folder}", highlight=False)
    return exit_code(console, result)
