"""`ghost-weights`: look at, check, compare, import, export and use weight files.

Exit codes: 0 fine, 1 the file is bad or the files differ, 2 wrong usage.
"""

import contextlib
import json
import os
import sys
from dataclasses import asdict
from typing import Any

import click

from weights import __version__
from weights.commands import tables
from weights.commands.artefacts import print_artefact, verify_artefact
from weights.commands.convert import import_command
from weights.commands.evaluate import evaluate
from weights.commands.export import export_command
from weights.commands.options import (
    file_argument,
    images_option,
    json_option,
    most_lost_option,
    parse_object,
    parse_size,
)
from weights.commands.predict import predict
from weights.commands.template import template
from weights.errors import ArgumentError, FormatError, GhostError
from weights.files.diff import compare_files
from weights.files.file import read_file
from weights.files.inspection import inspect_file
from weights.files.loading import value_problems
from weights.networks.architectures import ARCHITECTURES
from weights.networks.summary import summarise
from weights.networks.variants import VARIANTS
from weights.text import listed, printable


class Commands(click.Group):
    """A group whose commands end with one message and exit code 1 on a `GhostError`."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except GhostError as error:
            raise click.ClickException(str(error)) from None

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run, and end with one message where the output cannot be written either."""
        try:
            try:
                return super().main(*arguments, **options)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()  # the reader has closed the pipe
        except OSError as error:
            _drop_output()
            click.echo(f"Error: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Discard what is not written yet: Python would try again as it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Commands,
    commands=[import_command, export_command, predict, evaluate, template],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="ghost-weights")
def main() -> None:
    """Look at, check, compare, import, export and use weight files."""
    # Read when TensorFlow is imported; what the user has set is left alone.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@main.command()
@file_argument
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Describe FILE from its header; digests are not checked."""
    document = inspect_file(file)
    if as_json:
        click.echo(json.dumps(document, indent=2, sort_keys=True))
    else:
        tables.print_description(file, document)


@main.command()
@click.argument("architecture", metavar="ARCHITECTURE|ARTEFACT")
@click.option("--config", default="{}", callback=parse_object, help="Arguments as JSON.")
@click.option(
    "--size",
    callback=parse_size,
    help="Height x width of the image, as 224x224; the default: the usual one.",
)
@json_option
def summary(
    architecture: str, config: dict[str, Any], size: tuple[int, int] | None, as_json: bool
) -> None:
    """Count parameters and operations of ARCHITECTURE, or a variant such as ghostnet_100.

    Of an ARTEFACT that export wrote, tell what it is, from its notes.
    """
    is_path = os.path.lexists(architecture) or not {*architecture}.isdisjoint("./\\")
    if is_path and architecture not in (*ARCHITECTURES, *VARIANTS):
        if config or size is not None:
            raise click.UsageError("--config and --size are for an ARCHITECTURE, not an ARTEFACT")
        print_artefact(architecture, as_json)
        return
    try:
        counts = summarise(architecture, config, size)
    except ArgumentError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(asdict(counts), indent=2))
    else:
        tables.print_summary(counts)


@main.command()
@file_argument
@click.option(
    "--against", type=click.Path(), help="The weight file that the artefact FILE is to be of."
)
@images_option
@click.option("--trust", is_flag=True, help="Run an artefact that is a program.")
@most_lost_option
def verify(
    file: str, against: str | None, images: str | None, trust: bool, most_lost: float
) -> None:
    """Read all of FILE and check names, shapes, digests and numbers.

    With --against, FILE is an artefact that export wrote: what it says and computes must be what
    the weight file says and computes.
    """
    if against is not None:
        verify_artefact(file, against, images, trusted=trust, most_lost=most_lost)
        return
    if images is not None or trust:
        raise click.UsageError(
            "--images and --trust are for an artefact: give its weight file with --against"
        )
    content = read_file(file, allow_invalid=True)
    problems = value_problems(content.checked.tensors(), content.tensors)
    if problems:
        lines = listed(problems, "\n  - ")
        raise FormatError(f"{file}: whole, but no trained module has such numbers:\n  - {lines}")
    found = f"{content.architecture}, {len(content.tensors)} tensors"
    digest = content.metadata["content_sha256"]
    click.echo(printable(f"{file}: whole ({found}, content sha256 {digest})"))


@main.command()
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@json_option
@click.pass_context
def diff(context: click.Context, a: str, b: str, as_json: bool) -> None:
    """Compare A and B, tensor by tensor, and name the likely mistake."""

    difference = compare_files(*(read_file(path, allow_invalid=True) for path in (a, b)))
    if as_json:
        click.echo(json.dumps(tables.difference_document(difference), indent=2))
    else:
        tables.print_difference(f"A = {a}, B = {b}", difference)
    context.exit(0 if difference.equal else 1)
