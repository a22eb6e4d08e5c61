"""Options that several commands take, and how their values are read."""

import json
import re
from typing import Any

import click

from weights.files.settings import imagenet
from weights.text import brief

SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})", re.IGNORECASE)

file_argument = click.argument("file", type=click.Path())
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
output_option = click.option(
    "-o", "--output", required=True, type=click.Path(), help="The file to write."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


def parse_size(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read height and width, such as 224x224, or raise a usage error."""
    if value is None:
        return None
    found = SIZE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"must be height x width such as 224x224, got {brief(value)}")
    return int(found[1]), int(found[2])


def parse_object(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> dict[str, Any] | None:
    """Read a JSON object, or raise a usage error; None where the option is not given."""
    if value is None:
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        example = {"stride": 2, "padding": 1} if parameter.name == "config" else imagenet()
        raise click.BadParameter(
            f"must be a JSON object such as '{json.dumps(example)}', got {brief(value)}"
        )
    return parsed
