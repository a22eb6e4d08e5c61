"""The command `ghost-conformance parity`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from conformance.commands.common import (
    FILE,
    exit_code,
    exit_with,
    implementations,
    jobs_option,
    timeout_option,
)
from conformance.parity.tier import ParityTier
from conformance.parity.trials import Size, prepare_experiment
from conformance.reports import parity_tables, terminal
from conformance.running import runner

FRAMEWORKS = {"torch": "ghost_torch", "jax": "ghost_jax", "tf": "ghost_tf"}
# A case is a whole network on all images that it is given.
NETWORK_SECONDS = 600.0


def parse_size(ctx: click.Context, param: click.Parameter, value: str | None) -> Size | None:
    """Height and width, from a text as 65x97."""
    if value is None:
        return None
    height, _, width = value.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise click.BadParameter(f"must be height x width, as in 65x97, got {value!r}", ctx, param)
    return int(height), int(width)


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
@timeout_option(NETWORK_SECONDS)
@click.option("--verbose", is_flag=True, help="Show every stage.")
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of a table.")
@jobs_option
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
    wanted = [*(FRAMEWORKS[framework] for framework in frameworks), *names]
    chosen, missing = implementations(wanted)

    def work() -> int:
        console = terminal.console(stderr=json_output)
        with console.status("the oracle runs"):
            tier = ParityTier(
                prepare_experiment(file, images=images, reference=reference, size=size, seed=seed)
            )
        with terminal.Counts(console, chosen, len(tier.places)) as progress:
            cases = runner.plan([tier], None)
            result = runner.run(chosen, cases, progress.observe, jobs, seconds=seconds)
        if json_output:
            click.echo(parity_tables.as_json(tier, result))
        else:
            parity_tables.show(console, tier, result, missing, verbose=verbose)
        return exit_code(console, result)

    exit_with(work)
