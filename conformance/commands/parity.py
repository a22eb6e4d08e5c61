"""The command `ghost-conformance parity`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from conformance.commands import common
from conformance.commands.own_networks import compare_own, own_options
from conformance.parity.tier import ParityTier
from conformance.parity.trials import Size, prepare_experiment
from conformance.reports import parity_tables, terminal
from conformance.running import runner
from conformance.running.tasks import select_cases
from weights.card import with_parity
from weights.commands.options import parse_size
from weights.frameworks import FRAMEWORKS

# A case is a whole network on all images that it is given.
NETWORK_SECONDS = 600.0


@click.command()
@click.argument("file", type=common.FILE, required=False)
@own_options
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
    type=common.FILE,
    help="Hold the file against this: the right weight file, or recorded outputs "
    "(CASE.input, CASE.logits, CASE.STAGE, CASE.STAGE.mean_hw).",
)
@click.option(
    "--input",
    "images",
    type=common.FILE,
    help="A safetensors file with `x` (N, C, H, W) or `images` (N, H, W, C), instead of random "
    "numbers.",
)
@click.option(
    "--size", metavar="HxW", callback=parse_size, help="Height and width of the random input."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@common.timeout_option(NETWORK_SECONDS)
@click.option("--verbose", is_flag=True, help="Show every stage.")
@click.option(
    "--card",
    type=common.FILE,
    help="Write the table into this model card of `save_pretrained` too.",
)
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of a table.")
@common.jobs_option
def parity(
    file: Path | None, frameworks: Sequence[str], names: Sequence[str], reference: Path | None,
    images: Path | None, size: Size | None, seed: int, verbose: bool, card: Path | None,
    json_output: bool, seconds: float, jobs: int, **own: Any,
) -> None:  # fmt: skip
    """Hold every stage of one weight file against the oracle, in each framework.

    With two of --torch, --jax and --tf, hold networks of your own against each other, module by
    module: FILE is loaded into each, or without it the weights of the first.

    With --reference the file is held against its source as well: what an import got wrong is the
    same wrong network in every framework. Exit code 0: nothing differs, 1: a stage differs,
    2: usage, 3: the harness failed.
    """
    targets = {name: own[name] for name in FRAMEWORKS if own[name] is not None}
    if targets:
        if frameworks or names or any(each is not None for each in (reference, size, card)):
            raise click.UsageError(
                "--framework, --implementation, --reference, --size and --card are for a file of "
                "this project's networks: leave them out beside --torch, --jax and --tf"
            )
        run = partial(compare_own, targets, file, images, own, seed=seed, seconds=seconds)
        common.exit_with(partial(run, jobs=jobs, verbose=verbose, json_output=json_output))
    if file is None:
        raise click.UsageError("give a FILE, or networks of your own with --torch, --jax or --tf")
    wanted = [*(FRAMEWORKS[framework].package for framework in frameworks), *names]
    chosen, missing = common.implementations(wanted)

    def work() -> int:
        console = terminal.console(stderr=json_output)
        with console.status("the oracle runs"):
            tier = ParityTier(
                prepare_experiment(file, images=images, reference=reference, size=size, seed=seed)
            )
        with terminal.progress_bars(console, chosen, len(tier.places)) as observe:
            cases = select_cases([tier], None)
            result = runner.run(chosen, cases, observe, jobs, seconds=seconds)
        if card is not None:
            page = with_parity(card.read_text(), parity_tables.markdown(tier, result))
            card.write_text(page)
        if json_output:
            click.echo(parity_tables.as_json(tier, result))
        else:
            parity_tables.show(console, tier, result, missing, verbose=verbose)
        return common.exit_code(console, result)

    common.exit_with(work)
