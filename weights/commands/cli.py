"""`ghost-weights`: look at, check, compare, import, export and use weight files.

Exit codes: 0 fine, 1 the file is bad or the files differ, 2 wrong usage.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from typing import Any

import click

from weights.commands.convert import export_command, import_command, json_object
from weights.commands.predict import predict
from weights.errors import ArgumentError, FormatError, GhostError
from weights.files.file import read_file
from weights.shown import listed, printable, shown
from weights.version import __version__

SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
file_argument = click.argument("file", type=click.Path())
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class Commands(click.Group):
    """A group whose commands end with one message and exit code 1 on a `GhostError`."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except GhostError as error:
            raise click.ClickException(str(error)) from None

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run, and end with one message too where the output cannot be written, a full disk say."""
        try:
            try:
                return super().main(*arguments, **options)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()  # who reads has seen enough
        except OSError as error:
            _drop_output()
            click.echo(f"Error: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Let what is not written yet go nowhere: Python would try again on its way out."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def image_size(value: str | None) -> tuple[int, int] | None:
    """The value of --size as (height, width), or a usage error."""
    if value is None:
        return None
    found = SIZE.fullmatch(value)
    if found is None:
        raise click.BadParameter(
            f"--size must be height x width such as 224x224, got {shown(value)}"
        )
    return int(found[1]), int(found[2])


@click.group(
    cls=Commands,
    commands=[import_command, export_command, predict],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ghost-weights")
def main() -> None:
    """Look at, check, compare, import, export and use weight files."""


@main.command()
@file_argument
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Describe FILE from its header; digests are not checked."""
    from weights.commands.tables import print_description
    from weights.files.inspection import describe

    document = describe(file)
    if as_json:
        click.echo(json.dumps(document, indent=2, sort_keys=True))
    else:
        print_description(file, document)


@main.command()
@click.argument("architecture")
@click.option("--config", default="{}", callback=json_object, help="Arguments as JSON.")
@click.option("--size", help="Height x width of the image, as 224x224; the default: the usual one.")
@json_option
def summary(architecture: str, config: dict[str, Any], size: str | None, as_json: bool) -> None:
    """Count what ARCHITECTURE, or a variant such as ghostnet_100, has and does."""
    from dataclasses import asdict

    from weights.commands.tables import print_summary
    from weights.networks.summary import summarise

    try:
        counts = summarise(architecture, config, image_size(size))
    except ArgumentError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(asdict(counts), indent=2))
    else:
        print_summary(counts)


@main.command()
@file_argument
def verify(file: str) -> None:
    """Read all of FILE and check names, shapes, digests and numbers."""
    from weights.files.values import value_problems
    from weights.networks.architectures import configure

    content = read_file(file, allow_invalid=True)
    specs = configure(content.architecture, content.config).tensors()
    problems = list(value_problems(specs, content.tensors))
    if problems:
        lines = listed(problems, "\n  - ")
        raise FormatError(f"{file}: whole, but no trained module has such numbers:\n  - {lines}")
    digest = content.metadata["content_sha256"]
    count = len(content.tensors)
    said = f"{file}: whole ({content.architecture}, {count} tensors, content sha256 {digest})"
    click.echo(printable(said))


@main.command()
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@json_option
@click.pass_context
def diff(context: click.Context, a: str, b: str, as_json: bool) -> None:
    """Compare A and B, tensor by tensor. Says what a difference looks like."""
    from weights.commands.tables import difference_document, print_difference
    from weights.files.diff import compare_files

    difference = compare_files(*(read_file(path, allow_invalid=True) for path in (a, b)))
    if as_json:
        click.echo(json.dumps(difference_document(difference), indent=2))
    else:
        print_difference(f"A = {a}, B = {b}", difference)
    context.exit(0 if difference.equal else 1)
