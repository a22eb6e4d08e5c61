"""The command `ghost-weights summary`."""

import json
import os
from dataclasses import asdict
from typing import Any

import click

from weights.commands.options import json_option, parse_object, parse_size
from weights.commands.tables import print_summary
from weights.errors import ArgumentError
from weights.networks.architectures import ARCHITECTURES
from weights.networks.summary import summarise
from weights.networks.variants import VARIANTS


@click.command()
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
        from weights.commands.artefacts import print_artefact

        print_artefact(architecture, as_json)
        return
    try:
        counts = summarise(architecture, config, size)
    except ArgumentError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(asdict(counts), indent=2))
    else:
        print_summary(counts)
