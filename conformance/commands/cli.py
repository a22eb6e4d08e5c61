"""The command line: `ghost-conformance`, or `python -m conformance`."""

from __future__ import annotations

import click

from conformance.cases.clauses import Clause, clauses
from conformance.commands.cases import show, shrink
from conformance.commands.common import TIER
from conformance.commands.compare import compare
from conformance.commands.merge import merge
from conformance.commands.parity import parity
from conformance.commands.run import run
from conformance.commands.selftest import selftest
from conformance.commands.vectors import vectors
from conformance.tiers import TIERS, make_tiers
from weights.version import __version__


@click.group(
    commands=[run, compare, merge, parity, selftest, show, shrink, vectors],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ghost-conformance")
def main() -> None:
    """Hold implementations of GhostConv against a float64 oracle and against each other."""


@main.command("list")
@click.option("--tier", "tiers", multiple=True, type=TIER)
@click.option("--clause", metavar="N.N", help="Those that hold this clause of the specification.")
def list_cases(tiers: tuple[str, ...], clause: str | None) -> None:
    """Print the id of every case."""
    holds = _find(clause).is_held_by if clause else lambda tier, case: True
    for tier in make_tiers(names=tiers or tuple(TIERS)):
        for case in tier.cases():
            if holds(tier.name, case.id):
                click.echo(f"{tier.name}  {case.id}")


def _find(number: str) -> Clause:
    found = next((clause for clause in clauses() if clause.number == number), None)
    if found is None:
        raise click.UsageError(f"the specification has no clause {number!r}")
    return found
