"""The command `ghost-weights diff`."""

import json

import click

from weights.commands.options import json_option
from weights.commands.tables import difference_document, print_difference
from weights.files.diff import compare_files
from weights.files.file import read_file


@click.command()
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@json_option
@click.pass_context
def diff(context: click.Context, a: str, b: str, as_json: bool) -> None:
    """Compare A and B, tensor by tensor, and name the likely mistake."""
    difference = compare_files(*(read_file(path, allow_invalid=True) for path in (a, b)))
    if as_json:
        click.echo(json.dumps(difference_document(difference), indent=2))
    else:
        print_difference(f"A = {a}, B = {b}", difference)
    context.exit(0 if difference.equal else 1)
