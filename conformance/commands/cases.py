"""The commands `ghost-conformance show` and `ghost-conformance shrink`."""

from __future__ import annotations

import json

import click

from conformance.cases.case import Case, split_pair
from conformance.cases.clauses import clauses_of
from conformance.commands import common
from conformance.implementations.implementation import Implementation
from conformance.judging.verdict import Status
from conformance.tiers import ModuleTier, Settings, Tier, make_tiers


@click.command()
@click.argument("case_id", metavar="CASE")
@common.random_option
def show(case_id: str, random: int) -> None:
    """Print CASE, the clauses of the specification that it holds, the digests of its tensors."""
    from conformance.cases import tensors
    from weights.files.digests import tensor_digests

    for _, case in _find(case_id, random):
        document = case.to_dict() | {"clauses": clauses_of(case.tier, case.id)}
        if case.data in tensors.DISTRIBUTIONS:
            weights, x = tensors.make(case)
            document["sha256"] = tensor_digests({"input": x, **weights})
        click.echo(json.dumps(document, indent=1))


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option("--implementation", "name", required=True, metavar="NAME", help="What fails it.")
@common.random_option
def shrink(case_id: str, name: str, random: int) -> None:
    """Print the smallest case that still fails, beginning with CASE, which must fail.

    Exit code 0: CASE passes, 1: it fails, 2: usage, 3: it is not judged.
    """
    common.exit_with(lambda: _shrink(case_id, name, random))


def _find(case_id: str, random: int) -> list[tuple[Tier, Case]]:
    """The cases of that id, which tiers may share; raises a usage error where there is none."""
    wanted = split_pair(case_id)[0]
    tiers = make_tiers(Settings(random=random, full=True))
    every = [(tier, case) for tier in tiers for case in tier.cases()]
    found = [(tier, case) for tier, case in every if case.id == wanted]
    if not found:
        raise common.no_such_case([case_id], (case.id for _, case in every))
    return found


def _shrink(case_id: str, name: str, random: int) -> int:
    from conformance.implementations.process import ProcessImplementation

    every = _find(case_id, random)
    # The tiers whose cases can be drawn at any size.
    found = [(tier, case) for tier, case in every if isinstance(tier, ModuleTier)]
    if not found:
        names = [tier.name for tier in make_tiers() if isinstance(tier, ModuleTier)]
        raise click.UsageError(
            f"`shrink` takes cases of {', '.join(names)}, {case_id!r} is one of {every[0][0].name}"
        )
    common.implementations([name])
    process = ProcessImplementation(name)
    try:
        process.start()
        codes = [_shrink_one(tier, case, process) for tier, case in found]
        for violation in process.violations:
            click.echo(f"{name}: {violation}")
    finally:
        process.close()
    return max(codes)


def _shrink_one(tier: ModuleTier, case: Case, process: Implementation) -> int:
    from conformance.reports.programs import program
    from conformance.reports.terminal import failure_text
    from conformance.running import shrinking
    from conformance.running.runner import judge

    first = judge(tier, shrinking.renamed(case), process)
    if first.status is Status.SKIP:
        click.echo(f"{case.tier} {case.id} is not judged: {first.message}")
        return common.HARNESS_FAILED
    if not first.is_bad:
        click.echo(f"{case.tier} {case.id} does not fail: there is nothing to shrink")
        return common.PASSED
    with tier.suspects.silent():
        found = shrinking.shrink(
            case, lambda each: judge(tier, shrinking.renamed(each), process).is_bad
        )
    small = shrinking.renamed(found)
    click.echo(json.dumps(small.to_dict(), indent=1))
    click.echo(str(failure_text(judge(tier, small, process))))
    click.echo(program(small, process.name))
    return common.FAILED
