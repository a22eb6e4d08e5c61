"""The command `ghost-conformance run`."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.command import (
    PASSED,
    exit_with,
    implementations,
    random_layers,
    set_random,
)
from conformance.commands.requested import Request, run_request
from conformance.implementations.process import CASE_SECONDS
from conformance.reports.failures import read_failures
from conformance.tiers import TIERS, NetworkTier, TrainingTier


def parse_known(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """The values of --deviations, or a usage error."""
    pairs = [value.partition("=") for value in values]
    if not all(separator and path for _, separator, path in pairs):
        raise click.BadParameter("must be NAME=FILE, such as mine:build=known.toml")
    return {name: Path(path) for name, _, path in pairs}


@click.command()
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
    help="Run what failed in this report.jsonl, or gave no result, of whom it did.",
)
@click.option(
    "--deviations",
    "known",
    multiple=True,
    metavar="NAME=FILE",
    callback=parse_known,
    help="A TOML file of failures of implementation NAME that are known.",
)
@random_layers
@click.option(
    "--full",
    is_flag=True,
    help="Run every row of tier training, not the usual few, and ask for every output twice: the "
    "same bits, and the second time without compilation.",
)
@click.option(
    "--report",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.jsonl, junit.xml and report.html into this folder.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a run with the same --report that was interrupted.",
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
    "--timeout",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    default=CASE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="What a case may take; one that takes longer is an error, and the process is replaced.",
)
@click.option(
    "--max-failures",
    "most_failures",
    type=click.IntRange(1),
    metavar="N",
    help="End the run when so many cases have failed or gave no result.",
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
    earlier: Path | None, known: dict[str, Path], count: int, full: bool, folder: Path | None,
    resume: bool, weights: Path | None, images: Path | None, seconds: float,
    most_failures: int | None, jobs: int,
) -> None:  # fmt: skip
    """Run the suite.

    Exit code 0: all passed, 1: a case failed, or an implementation looked at the answers, 2: usage,
    3: the harness failed, or a tier judged less than half of its cases.
    """
    if resume and folder is None:
        raise click.UsageError("`--resume` needs `--report`, the folder of the interrupted run")
    _configure_network(weights, images)

    def work() -> int:
        again = None if earlier is None else read_failures(earlier, names, tier_names)
        if again is not None and not again.keys and not case_ids:
            click.echo(f"nothing failed in {earlier}")
            return PASSED
        chosen, missing = implementations(names or (again.names if again else ()))
        tiers = [TIERS[name] for name in TIERS if not tier_names or name in tier_names]
        larger = again is not None and again.full
        _configure_size(count or (again.random if again else 0), full or larger)
        return run_request(
            Request(chosen, missing, tiers, case_ids, again, known, folder, jobs, full or larger,
                    resume, seconds, most_failures)
        )  # fmt: skip

    exit_with(work)


def _configure_size(count: int, full: bool) -> None:
    set_random(count)
    for tier in TIERS.values():
        if isinstance(tier, TrainingTier):
            tier.full = full


def _configure_network(weights: Path | None, images: Path | None) -> None:
    network = TIERS["network"]
    if (weights is None) != (images is None):
        raise click.UsageError("`--weights` and `--images` belong together, got one of them")
    if weights is not None and images is not None and isinstance(network, NetworkTier):
        network.configure(weights=weights, images=images)
