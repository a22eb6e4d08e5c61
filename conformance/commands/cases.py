"""The commands `ghost-conformance show` and `ghost-conformance shrink`."""

from __future__ import annotations

import json
from typing import Any

import click

from conformance.cases.case import Case, split_pair
from conformance.commands.command import FAILED, PASSED, exit_with, random_layers, set_random

# What can be drawn again at any size.
SHRINKABLE = ("exact", "module", "special", "random")


@click.command()
@click.argument("case_id", metavar="CASE")
@random_layers
def show(case_id: str, count: int) -> None:
    """Print what CASE is, and the digests of its tensors."""
    from conformance.cases import tensors
    from weights.files.digests import tensor_digests

    set_random(count)
    found = find(case_id)
    if not found:
        raise click.UsageError(f"no case is called {case_id!r}: see `ghost-conformance list`")
    for case in found:
        document = case.to_dict()
        if case.data in tensors.INPUTS:
            weights, x = tensors.make(case)
            document["sha256"] = tensor_digests({"input": x, **weights})
        click.echo(json.dumps(document, indent=1))


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option("--implementation", "name", required=True, metavar="NAME", help="What fails it.")
@random_layers
def shrink(case_id: str, name: str, count: int) -> None:
    """Print the smallest case that still fails, beginning with CASE, which must fail."""
    set_random(count)
    exit_with(lambda: _shrink(case_id, name))


def find(case_id: str) -> list[Case]:
    """The cases of that name, in whichever tiers."""
    from conformance.tiers import TIERS

    wanted = split_pair(case_id)[0]
    return [case for tier in TIERS.values() for case in tier.cases() if case.id == wanted]


def _shrink(case_id: str, name: str) -> int:
    from conformance.commands.command import implementations
    from conformance.implementations.process import ProcessImplementation
    from conformance.tiers import TIERS

    cases = [case for case in find(case_id) if case.tier in SHRINKABLE]
    if not cases:
        tiers = ", ".join(SHRINKABLE)
        raise click.UsageError(f"no case of {tiers} is called {case_id!r}")
    implementations([name])
    process = ProcessImplementation(name)
    try:
        process.start()
        codes = [_shrink_one(TIERS[case.tier], case, process) for case in cases]
        for remark in process.remarks:
            click.echo(f"{name}: {remark}")
    finally:
        process.close()
    return max(codes)


def _shrink_one(tier: Any, case: Case, process: Any) -> int:
    from conformance.reports.terminal import describe
    from conformance.running.runner import judge
    from conformance.running.shrinking import renamed
    from conformance.running.shrinking import shrink as smaller

    def fails(each: Case) -> bool:
        return judge(tier, renamed(each), process, []).is_bad

    if not fails(case):
        click.echo(f"{case.tier} {case.id} does not fail: there is nothing to shrink")
        return PASSED
    small = renamed(smaller(case, fails))
    click.echo(json.dumps(small.to_dict(), indent=1))
    click.echo(str(describe(judge(tier, small, process, []), can_rerun=False)))
    return FAILED
