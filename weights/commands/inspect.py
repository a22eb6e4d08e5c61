"""The command `ghost-weights inspect`."""

import json

import click

from weights.commands.options import file_argument, json_option
from weights.commands.tables import print_description
from weights.files.inspection import inspect_file


@click.command()
@file_argument
@json_option
def inspect(file: str, as_json: bool) -> None:
    """Describe FILE from its header; digests are not checked."""
    document = inspect_file(file)
    if as_json:
        click.echo(json.dumps(document, indent=2, sort_keys=True))
    else:
        print_description(file, document)
