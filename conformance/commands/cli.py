"""The command line: `ghost-conformance`, or `python -m conformance`."""

from __future__ import annotations

import click

from conformance.commands.cases import show, shrink
from conformance.commands.common import TIER
from conformance.commands.compare import compare
from conformance.commands.parity import parity
from conformance.commands.run import run
from conformance.commands.selftest import selftest
from conformance.commands.vectors import vectors
from conformance.tiers import TIERS, make_tiers
from weights.version import __version__


@click.group(
    commands=[run, compare, parity, selftest, show, shrink, vectors],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ghost-conformance")
def main() -> None:
    """Hold implementations of GhostConv against a float64 oracle and against each other."""


@main.command("list")
@click.option("--tier", "tiers", multiple=True, type=TIER)
def list_cases(tiers: tuple[str, ...]) -> None:
    """Print the id of every case."""
    for tier in make_tiers(names=tiers or tuple(TIERS)):
        for case in tier.cases():
            click.echo(f"{tier.name}  {case.id}")
