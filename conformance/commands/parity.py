"""The command `ghost-conformance parity`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from conformance.commands.common import exit_code, exit_with, implementations
from conformance.implementations.registry import Availability
from conformance.parity.tier import ParityTier
from conformance.parity.trials import Size, prepare_experiment
from conformance.reports import parity_tables, terminal
from conformance.running import runner
from conformance.running.results import Run
from weights.commands.options import parse_size
from weights.frameworks import FRAMEWORKS

# A case is a whole network on all images that it is given.
NETWORK_SECONDS = 600.0
FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    type=click.Choice(list(FRAMEWORKS)),
    help="Run this one; may be repeated. Default: all that are installed.",
)
@click.option(
    "--implementation",
    "names",
    multiple=True,
    metavar="NAME",
    help="Run this one too: oracle or package.module:function; may be repeated.",
)
@click.option(
    "--reference",
    type=FILE,
    help="Hold the file against this: the right weight file, or recorded outputs "
    "(CASE.input, CASE.logits, CASE.STAGE, CASE.STAGE.mean_hw).",
)
@click.option(
    "--input",
    "images",
    type=FILE,
    help="A safetensors file with `x` (N, C, H, W) or `images` (N, H, W, C), instead of random "
    "numbers.",
)
@click.option(
    "--size", metavar="HxW", callback=parse_size, help="Height and width of the random input."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    default=NETWORK_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="What an implementation may take for an input.",
)
@click.option("--verbose", is_flag=True, help="Show every stage.")
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="How many implementations run at once.",
)
def parity(
    file: Path, frameworks: Sequence[str], names: Sequence[str], reference: Path | None,
    images: Path | None, size: Size | None, seed: int, verbose: bool, json_output: bool,
    seconds: float, jobs: int,
) -> None:  # fmt: skip
    """Hold every stage of one weight file against the oracle, in each framework.

    With --reference the file is held against its source as well: what an import got wrong is the
    same wrong network in every framework. Exit code 0: nothing differs, 1: a stage differs,
    2: usage, 3: the harness failed.
    """
    wanted = [*(FRAMEWORKS[framework].package for framework in frameworks), *names]
    chosen, missing = implementations(wanted)

    def work() -> int:
        console = terminal.console(stderr=json_output)
        with console.status("the oracle runs"):
            experiment = prepare_experiment(
                file, images=images, reference=reference, size=size, seed=seed
            )
        tier = ParityTier(experiment)
        result = _run(console, tier, chosen, missing, verbose, json_output, jobs, seconds)
        return exit_code(console, result)

    exit_with(work)


def _run(
    console: Console, tier: ParityTier, names: Sequence[str], missing: Sequence[Availability],
    verbose: bool, json_output: bool, jobs: int, seconds: float,
) -> Run:  # fmt: skip
    planned = runner.plan([tier], None)
    with terminal.progress_bars(console, names, len(tier.places)) as observe:
        result = runner.run(names, planned, observe, jobs, seconds=seconds)
    if json_output:
        click.echo(parity_tables.as_json(tier, result))
    else:
        parity_tables.show(console, tier, result, missing, verbose=verbose)
    return result
