"""The command `ghost-conformance selftest`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from conformance.commands.common import FAILED, PASSED, exit_with
from conformance.implementations.registry import OURS
from conformance.mutants import FRAMEWORK, MUTANTS, TORCH_MUTANTS
from conformance.reports import terminal


@click.command()
@click.option("--mutant", "names", multiple=True, metavar="NAME", help="Run this mutant only.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count, metavar="N",
    help="How many processes share the work; as many as there are processors by default.",
)  # fmt: skip
@click.option("--sensitivity", is_flag=True, help="Print the smallest error caught instead.")
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of tables.")
def selftest(names: Sequence[str], jobs: int, sensitivity: bool, json_output: bool) -> None:
    """Check the suite itself: mutants must be caught, correct variants must pass.

    A mutant is the oracle in float32 with one defect, or ghost_torch's module with one, and counts
    as caught only by the tier that names it. Exit code 0: all caught and no false alarm, 1:
    otherwise.

    With `--sensitivity`: one element of each kind of result is multiplied by 1 + e, and the
    smallest e that each tier fails is searched for.
    """
    exit_with(lambda: _sensitivity(json_output) if sensitivity else _run(names, jobs, json_output))


def _run(names: Sequence[str], jobs: int, json_output: bool) -> int:
    from conformance.mutants.selftest import accepted, caught, in_processes
    from conformance.mutants.variants import INVISIBLE, VARIANTS

    mutants = (*MUTANTS, *TORCH_MUTANTS)
    unknown = sorted(set(names) - {mutant.name for mutant in mutants})
    if unknown:
        raise click.UsageError(f"no such mutant: {', '.join(unknown)}")
    console = terminal.console(stderr=json_output)
    framework = OURS[FRAMEWORK]
    runnable = MUTANTS if framework.missing else mutants
    wanted = [mutant.name for mutant in runnable if not names or mutant.name in names]
    idle = sorted(set(names) - set(wanted))
    if idle:
        raise click.UsageError(f"cannot run {', '.join(idle)}: {framework.reason}")
    variants = [] if names else [variant.name for variant in (*VARIANTS, INVISIBLE)]
    with console.status("mutants and variants run"):
        document = {
            "mutants": in_processes(jobs, caught, wanted),
            "variants": in_processes(jobs, accepted, variants),
        }
    if json_output:
        click.echo(json.dumps(document, indent=1))
    else:
        _show(console, **document)
    if framework.missing:
        console.print(f"the mutants of {FRAMEWORK}'s module were not run: {framework.reason}")
    survived = any(each["caught_by"] is None for each in document["mutants"])
    alarmed = any(each["false_alarms"] for each in document["variants"])
    return FAILED if survived or alarmed else PASSED


def _sensitivity(json_output: bool) -> int:
    from conformance.mutants.sensitivity import as_rows

    rows = as_rows()
    if json_output:
        click.echo(json.dumps(rows, indent=1, allow_nan=False))
        return PASSED
    click.echo("| tier | tensor | smallest error seen | in most cases | cases |")
    click.echo("| --- | --- | --- | --- | --- |")
    for row in rows:
        errors = (row["smallest"], row["usual"])
        seen = " | ".join("none" if error is None else f"{error:.1e}" for error in errors)
        figures = f"{seen} | {row['cases']}"
        click.echo(f"| `{row['tier']}` | {row['tensor'].replace('_', ' ')} | {figures} |")
    return PASSED


def _show(console: Console, mutants: list[Any], variants: list[Any]) -> None:
    grid = Table("mutant", "defect", "tier", "caught by", title="mutants")
    for each in mutants:
        by = each["caught_by"]
        cells = (each["name"], each["defect"], each["tier"], by or "SURVIVED")
        grid.add_row(*cells, style=None if by else "red")
    console.print(grid)
    if variants:
        grid = Table("variant", "computes by", "cases", "false alarms", title="correct variants")
        for each in variants:
            alarms = len(each["false_alarms"])
            cells = (each["name"], each["computes_by"], str(each["cases"]), str(alarms))
            grid.add_row(*cells, style="red" if alarms else None)
        console.print(grid)
    count = sum(each["caught_by"] is not None for each in mutants)
    false = sum(len(each["false_alarms"]) for each in variants)
    console.print(
        f"{count} of {len(mutants)} mutants caught by the tier that names them, {false} false "
        f"alarms in {sum(each['cases'] for each in variants)} cases of {len(variants)} variants"
    )
