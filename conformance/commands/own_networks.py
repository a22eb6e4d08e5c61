"""`ghost-conformance parity` of users' own networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from conformance.commands.common import FAILED, PASSED
from conformance.implementations.errors import ImplementationError
from conformance.parity.own.divergence import compare
from conformance.parity.own.networks import Question, ask, make_inputs
from conformance.reports import own_networks, terminal
from weights.frameworks import FRAMEWORKS
from weights.text import brief

SIZES = re.compile(r"[0-9]{1,6}(x[0-9]{1,6})*", re.IGNORECASE)


def parse_pairs(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """Read NAME=VALUE pairs, or raise a usage error."""
    for value in values:
        if not all(part.strip() for part in value.partition("=")):
            raise click.BadParameter(f"must be two names with = between them, got {brief(value)}")
    return {old: new for old, _, new in (value.partition("=") for value in values)}


def parse_sizes(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """Read sizes such as 2x3x32x32, or raise a usage error."""
    return None if value is None else _sizes(value)


def parse_flatten(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """Read PATH=CxHxW pairs, or raise a usage error."""
    pairs = parse_pairs(context, parameter, values)
    return {path: _sizes(text) for path, text in pairs.items()}


OPTIONS = (
    *(
        click.option(
            f"--{name}", metavar="PACKAGE.MODULE:FUNCTION",
            help=f"Compare the network for {name} that this function makes.",
        )
        for name in FRAMEWORKS
    ),
    click.option(
        "--rename", multiple=True, metavar="OLD=NEW", callback=parse_pairs,
        help="Of own networks: a module at NEW in one of them is the file's OLD; may be repeated.",
    ),
    click.option(
        "--flatten", multiple=True, metavar="PATH=CxHxW", callback=parse_flatten,
        help="Of own networks: a linear layer that reads flattened images of that size.",
    ),
    click.option(
        "--shape", metavar="NxCxHxW", callback=parse_sizes,
        help="Of own networks: the shape of the random input.  [default: 2x3x32x32]",
    ),
    click.option(
        "--as-built", is_flag=True,
        help="Of own networks: each keeps the weights that its function gave it.",
    ),
    click.option(
        "--training", is_flag=True,
        help="Of own networks: a training step too, with its gradients and statistics.",
    ),
)  # fmt: skip


def own_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of users' own networks."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def compare_own(
    targets: Mapping[str, str], file: Path | None, images: Path | None, own: Mapping[str, Any],
    *, seed: int, seconds: float, jobs: int, verbose: bool, json_output: bool,
) -> int:  # fmt: skip
    """Run the networks, print where they diverge, and return the exit code.

    `own` holds the values of `own_options`.
    """
    if len(targets) < 2:
        names = ", ".join(f"--{name}" for name in FRAMEWORKS)
        raise click.UsageError(f"give two networks at least, of {names}")
    if own["as_built"] and file is not None:
        raise click.UsageError("--as-built keeps the weights of the networks: give no FILE")
    if images is not None and own["shape"] is not None:
        raise click.UsageError(f"{images} has a shape of its own: give no --shape")
    options = {key: own[key] for key in ("as_built", "rename", "flatten", "training")}
    question = Question(targets, make_inputs(images, own["shape"], seed), file, **options)
    console = terminal.console(stderr=json_output)
    try:
        with console.status("the networks run"):
            answer = ask(question, seconds, jobs)
    except ImplementationError as error:
        console.print(
            f"a network gave no result: {error}", style="red", soft_wrap=True, markup=False
        )
        return FAILED
    found = [compare(answer.baseline, record) for record in answer.others]
    if json_output:
        click.echo(own_networks.as_json(answer, found))
    else:
        own_networks.show(console, answer, found, verbose=verbose)
    return PASSED if all(comparison.agrees for comparison in found) else FAILED


def _sizes(text: str) -> tuple[int, ...]:
    if SIZES.fullmatch(text) is None:
        raise click.BadParameter(f"must be sizes such as 2x3x32x32, got {brief(text)}")
    return tuple(map(int, text.lower().split("x")))
