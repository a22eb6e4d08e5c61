"""Options that several commands take, and how their values are read."""

import json
import os
import re
from typing import Any, cast

import click

from weights.errors import GhostError
from weights.files.settings import Preprocess, check_settings, imagenet
from weights.files.storage import read_toml
from weights.text import brief

NUMBERS = re.compile(r"-?\d{1,9}(\.\d{1,17})?(,-?\d{1,9}(\.\d{1,17})?){0,2}")
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


def parse_settings(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Preprocess | None:
    """Read the settings of images, or raise a usage error; None where the option is not given.

    They are JSON, a TOML file, or mean and standard deviation and perhaps a size: "0.5 0.5",
    "0.485,0.456,0.406 0.229,0.224,0.225 224".
    """
    if value is None:
        return None
    plain = value.split()
    try:
        if all(NUMBERS.fullmatch(part) for part in plain) and len(plain) in (2, 3):
            return check_settings(_scaling(*plain))
        if value.lower().endswith(".toml"):
            return check_settings(read_toml(value))
    except GhostError as error:
        raise click.BadParameter(str(error)) from None
    found = parse_object(context, parameter, value)
    return None if found is None else cast(Preprocess, found)


def preprocess_settings(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Preprocess | None:
    """Read --preprocess as checked settings, or raise a usage error."""
    settings = parse_settings(context, parameter, value)
    try:
        return None if settings is None else check_settings(settings)
    except GhostError as error:
        raise click.BadParameter(str(error)) from None


preprocess_option = click.option(
    "--preprocess",
    "settings",
    metavar="JSON",
    callback=preprocess_settings,
    help="How an image becomes the input; wins over the settings in FILE.",
)


def _scaling(mean: str, std: str, size: str = "") -> dict[str, Any]:
    """Return the settings of an image in 0..1; one number is that of three channels."""
    channels = {"mean": mean, "std": std}
    numbers = {name: [float(x) for x in text.split(",")] for name, text in channels.items()}
    widened = {name: x * 3 if len(x) == 1 else x for name, x in numbers.items()}
    scaling = {"divide_by": 255.0, "layout": "NHWC", **widened}
    return (imagenet(int(size)) | scaling) if size else scaling


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
        is_config = parameter.name == "config"
        example = {"stride": 2, "padding": 1} if is_config else imagenet()
        others = "" if is_config else ", a .toml file, or mean and std such as '0.5 0.5'"
        raise click.BadParameter(
            f"must be a JSON object such as '{json.dumps(example)}'{others}, got {brief(value)}"
        )
    return parsed


def check_output(path: str, overwrite: bool) -> None:
    """Refuse to replace a file before any work is done, and name the command line's option."""
    if os.path.lexists(path) and not overwrite:
        raise GhostError(f"{path} exists: pass --overwrite to replace it")
