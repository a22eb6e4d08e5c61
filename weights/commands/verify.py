"""The command `ghost-weights verify`."""

import click

from weights.commands.artefacts import images_option, most_lost_option, verify_artefact
from weights.commands.options import file_argument
from weights.errors import FormatError
from weights.files.file import read_file
from weights.files.loading import value_problems
from weights.text import listed, printable


@click.command()
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
