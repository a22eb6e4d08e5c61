"""The command `ghost-conformance run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from conformance.commands import common
from conformance.commands.execution import ENGINES, LOCAL, RAY, RunOptions, execute
from conformance.implementations.process import CASE_SECONDS
from conformance.reports.failures import Rerun, read_failures
from conformance.running.shards import Shard
from conformance.tiers import DEFAULT_TIERS, TIERS, RandomTier, Settings
from weights import ArgumentError


def parse_deviations(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """The values of --deviations, or a usage error."""
    pairs = [value.partition("=") for value in values]
    if not all(separator and path for _, separator, path in pairs):
        raise click.BadParameter("must be NAME=FILE, such as mine:build=known.toml")
    return {name: Path(path) for name, _, path in pairs}


def parse_shard(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Shard | None:
    """The value of --shard, or a usage error."""
    try:
        return None if value is None else Shard.parse(value)
    except ArgumentError as error:
        raise click.BadParameter(str(error)) from None


@click.command(cls=common.Recorded)
@click.option(
    "--implementation",
    "names",
    multiple=True,
    metavar="NAME",
    help="ghost_torch, ghost_jax, ghost_tf, oracle or package.module:function; may be "
    "repeated. Default: all of ours that are installed.",
)
@click.option(
    "--tier", "tiers", multiple=True, type=common.TIER, help="Run this tier only; may be repeated."
)
@click.option(
    "--case", "case_ids", multiple=True, metavar="ID", help="Run this case only; may be repeated."
)
@click.option(
    "--failed",
    type=common.FILE,
    metavar="REPORT",
    help="Rerun the failures and errors of a report.jsonl, or of its folder.",
)
@click.option(
    "--deviations",
    "known",
    multiple=True,
    metavar="NAME=FILE",
    callback=parse_deviations,
    help="A TOML file of known failures of implementation NAME.",
)
@common.random_option
@click.option(
    "--full",
    is_flag=True,
    help="Run every row of tier training, not the usual few, every network of tiers family and "
    "contract, and tier distributed; build an object for every model; ask for every output twice: "
    "the same bits, and the second time without compilation.",
)
@click.option(
    "--report",
    "folder",
    type=common.FOLDER,
    help="Write report.jsonl, report.html, junit.xml, summary.md and badge.json there.",
)
@click.option("--resume", is_flag=True, help="Resume an interrupted run with the same --report.")
@click.option(
    "--weights",
    type=common.FILE,
    help="The weight file that tier network runs, instead of the digits.",
)
@click.option(
    "--images",
    type=common.FILE,
    help="For --weights, a file with `images` (N, H, W, C) and `labels`.",
)
@common.timeout_option(CASE_SECONDS)
@click.option(
    "--max-failures",
    type=common.AT_LEAST_ONE,
    metavar="N",
    help="End the run at N failures and errors.",
)
@click.option(
    "--shard",
    metavar="I/N",
    callback=parse_shard,
    help="Run the I-th of N equal shares; `ghost-conformance merge` makes one report of them.",
)
@click.option(
    "--no-cache",
    "cached",
    flag_value=False,
    default=True,
    help="Compute all anew: neither read nor write what earlier runs have compiled and computed.",
)
@click.option(
    "--engine",
    type=click.Choice(list(ENGINES)),
    default=LOCAL,
    show_default=True,
    help="Where implementations run: in processes of this machine, or in actors of a Ray cluster.",
)
@click.option(
    "--address", help="For `--engine ray`, that of a cluster; without it a local one is started."
)
@common.jobs_option
def run(
    names: tuple[str, ...], tiers: tuple[str, ...], case_ids: tuple[str, ...],
    failed: Path | None, known: dict[str, Path], random: int, full: bool, folder: Path | None,
    resume: bool, weights: Path | None, images: Path | None, seconds: float,
    max_failures: int | None, shard: Shard | None, cached: bool, engine: str,
    address: str | None, jobs: int,
) -> None:  # fmt: skip
    """Run the suite.

    Exit code 0: all passed, 1: a case failed, or an implementation looked at the answers, 2: usage,
    3: the harness failed, or a tier judged less than half of its cases.
    """
    if resume and folder is None:
        raise click.UsageError("`--resume` needs `--report`, the folder of the interrupted run")
    if (weights is None) != (images is None):
        raise click.UsageError("`--weights` and `--images` belong together, got one of them")
    if RandomTier.name in tiers and not random and failed is None:
        raise click.UsageError("`--tier random` needs `--random N`, the number of its cases")
    if tiers and random and RandomTier.name not in tiers:
        raise click.UsageError("`--random N` beside other tiers needs `--tier random`")
    if address is not None and engine != RAY:
        raise click.UsageError("`--address` is for `--engine ray`")
    settings = Settings(random, full, weights, images, kept=cached)

    def work() -> int:
        rerun = None if failed is None else read_failures(failed, names, tiers)
        if rerun is not None and not rerun.keys and not case_ids:
            click.echo(f"nothing failed in {failed}")
            for reason in rerun.not_green:
                click.echo(f"not green: {reason}")
            return common.HARNESS_FAILED if rerun.not_green else common.PASSED
        chosen, missing = common.implementations(names or (rerun.names if rerun else ()))
        idle = [name for name in known if name not in chosen and rerun is None]
        if idle:
            raise click.UsageError(f"`--deviations` is for {idle[0]}, which does not run")
        every = tuple(TIERS) if full or case_ids or rerun else DEFAULT_TIERS
        return execute(
            RunOptions(chosen, missing, tiers or every, _as_large(settings, rerun),
                       case_ids, rerun, known, folder, jobs, resume, seconds, max_failures,
                       shard, cached, common.typed_command(), engine, address)
        )  # fmt: skip

    common.exit_with(work)


def _as_large(settings: Settings, rerun: Rerun | None) -> Settings:
    """The settings with which a rerun has the cases of the earlier run."""
    if rerun is None:
        return settings
    random = max(settings.random, rerun.random)
    return replace(settings, random=random, full=settings.full or rerun.full)
