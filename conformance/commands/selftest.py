"""The command `ghost-conformance selftest`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from conformance.commands.common import FAILED, PASSED, exit_with
from conformance.implementations.registry import available
from conformance.mutants import FRAMEWORK, MUTANTS, TORCH_MUTANTS
from conformance.reports import terminal


@click.command()
@click.option("--mutant", "names", multiple=True, metavar="NAME", help="Run this mutant only.")
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of tables.")
def selftest(names: Sequence[str], json_output: bool) -> None:
    """Check the suite itself: mutants must be caught, correct variants must pass.

    A mutant is the oracle in float32 with one defect, or ghost_torch's module with one, and counts
    as caught only by the tier that names it. Exit code 0: all caught and no false alarm, 1:
    otherwise.
    """
    exit_with(lambda: _run(names, json_output))


def _run(names: Sequence[str], json_output: bool) -> int:
    from conformance.mutants.selftest import run_mutants, run_variants

    mutants = (*MUTANTS, *TORCH_MUTANTS)
    unknown = sorted(set(names) - {mutant.name for mutant in mutants})
    if unknown:
        raise click.UsageError(f"no such mutant: {', '.join(unknown)}")
    console = terminal.console(stderr=json_output)
    with console.status("mutants and variants run"):
        missing = _missing()
        runnable = MUTANTS if missing else mutants
        chosen = [mutant for mutant in runnable if not names or mutant.name in names]
        caught, accepted = list(run_mutants(chosen)), [] if names else list(run_variants())
    if json_output:
        click.echo(json.dumps(_document(caught, accepted), indent=1))
    else:
        _show(console, caught, accepted)
    if missing:
        console.print(f"the mutants of {FRAMEWORK}'s module were not run: {missing}")
    survived = any(each.verdict is None for each in caught)
    return FAILED if survived or any(each.alarms for each in accepted) else PASSED


def _missing() -> str:
    """Why the mutants of a framework's module cannot run, or nothing."""
    (framework,) = (each for each in available() if each.name == FRAMEWORK)
    return "" if framework.is_installed else framework.reason


def _show(console: Console, caught: Sequence[Any], accepted: Sequence[Any]) -> None:
    grid = Table("mutant", "defect", "tier", "caught by", title="mutants")
    for each in caught:
        by = "SURVIVED" if each.verdict is None else each.verdict.case
        style = "red" if each.verdict is None else None
        grid.add_row(each.mutant.name, each.mutant.description, each.mutant.tier, by, style=style)
    console.print(grid)
    if accepted:
        grid = Table("variant", "computes by", "cases", "false alarms", title="correct variants")
        for each in accepted:
            alarms, style = str(len(each.alarms)), "red" if each.alarms else None
            grid.add_row(
                each.variant.name, each.variant.description, str(each.cases), alarms, style=style
            )
        console.print(grid)
    count = sum(each.verdict is not None for each in caught)
    false = sum(len(each.alarms) for each in accepted)
    console.print(
        f"{count} of {len(caught)} mutants caught by the tier that names them, {false} false "
        f"alarms in {sum(each.cases for each in accepted)} cases of {len(accepted)} variants"
    )


def _document(caught: Sequence[Any], accepted: Sequence[Any]) -> dict[str, Any]:
    return {
        "mutants": [
            {
                "name": each.mutant.name,
                "defect": each.mutant.description,
                "tier": each.mutant.tier,
                "caught_by": None if each.verdict is None else each.verdict.case,
            }
            for each in caught
        ],
        "variants": [
            {
                "name": each.variant.name,
                "computes_by": each.variant.description,
                "cases": each.cases,
                "false_alarms": [verdict.to_dict() for verdict in each.alarms],
            }
            for each in accepted
        ],
    }
