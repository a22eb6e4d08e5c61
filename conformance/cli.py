"""The command line: `ghost-conformance`, or `python -m conformance`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from conformance.implementations import OURS, Availability, available, target
from conformance.tiers import TIERS, NetworkTier, Tier
from conformance.verdict import Status
from weights import GhostError

PASSED, FAILED, USAGE, HARNESS_FAILED = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    "--report",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.jsonl and junit.xml into this folder.",
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
    names: tuple[str, ...], tier_names: tuple[str, ...], case_id: str | None, folder: Path | None,
    weights: Path | None, images: Path | None, jobs: int,
) -> None:  # fmt: skip
    """Run the suite. Exit code 0: all passed, 1: a case failed, 2: usage, 3: the harness failed."""
    chosen, missing = _implementations(names)
    tiers = [TIERS[name] for name in TIERS if not tier_names or name in tier_names]
    _configure_network(weights, images)
    try:
        code = _run(chosen, missing, tiers, case_id, folder, jobs)
    except GhostError as error:
        raise click.UsageError(str(error)) from None
    except click.ClickException:
        raise
    except KeyboardInterrupt:
        click.echo("interrupted: no report was written", err=True)
        code = HARNESS_FAILED
    except Exception:
        traceback.print_exc()
        code = HARNESS_FAILED
    sys.exit(code)


@main.command("list")
@click.option("--tier", "tier_names", multiple=True, type=click.Choice(list(TIERS)))
def list_cases(tier_names: tuple[str, ...]) -> None:
    """Print the id of every case."""
    for name, tier in TIERS.items():
        if not tier_names or name in tier_names:
            for case in tier.cases():
                click.echo(f"{name}  {case.id}")


def _implementations(names: Sequence[str]) -> tuple[list[str], list[Availability]]:
    """Which run, and which of ours are missing; naming a missing one is an error."""
    ours = {state.name: state for state in available()}
    if not names:
        installed = [name for name in OURS if ours[name].is_installed]
        return installed, [state for state in ours.values() if not state.is_installed]
    for name in names:
        try:
            target(name)
        except GhostError as error:
            raise click.UsageError(str(error)) from None
        if name in ours and not ours[name].is_installed:
            raise click.UsageError(f"{name} is missing: {ours[name].reason}")
    return list(dict.fromkeys(names)), []


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
        console.print(f"report in {folder}", highlight=False)
    if result.broken:
        click.echo(result.broken[0], err=True)
        console.print("the harness itself failed, see above", style="red")
        return HARNESS_FAILED
    if not result.verdicts:
        console.print("nothing ran: install one of the frameworks", style="red")
        return HARNESS_FAILED
    if all(verdict.status is Status.SKIP for verdict in result.verdicts):
        console.print("nothing ran: every case was skipped", style="red")
        return HARNESS_FAILED
    return FAILED if result.has_failed else PASSED
