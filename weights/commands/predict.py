"""The command `ghost-weights predict`."""

import json
from collections.abc import Sequence

import click

from weights.commands.options import file_argument, json_option, parse_object
from weights.commands.predict_tables import predictions_document, print_predictions
from weights.errors import GhostError
from weights.files.settings import Preprocess, check_settings
from weights.frameworks import FRAMEWORKS
from weights.prediction.frameworks import ALL, missing
from weights.prediction.predict import predict as run


def preprocess_settings(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Preprocess | None:
    """Read --preprocess as checked settings, or raise a usage error."""
    settings = parse_object(context, parameter, value)
    try:
        return None if settings is None else check_settings(settings)
    except GhostError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@file_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--framework",
    type=click.Choice([*FRAMEWORKS, ALL]),
    help="Run the network in this; by default the first that is installed.",
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="How many classes to show."
)
@click.option(
    "--preprocess",
    "settings",
    metavar="JSON",
    callback=preprocess_settings,
    help="How an image becomes the input; wins over the settings in FILE.",
)
@json_option
def predict(
    file: str, images: Sequence[str], framework: str | None, top: int,
    settings: Preprocess | None, as_json: bool,
) -> None:  # fmt: skip
    """Classify each IMAGE by the network of FILE, with probabilities.

    With --framework all, side by side in every framework that is installed.
    """
    predictions = run(file, images, framework=framework, settings=settings)
    reasons = missing() if framework == ALL else {}
    if as_json:
        click.echo(json.dumps(predictions_document(predictions, top, reasons), indent=2))
    else:
        print_predictions(predictions, top, reasons)
