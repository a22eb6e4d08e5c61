"""The command `ghost-weights predict`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import click

from weights.errors import GhostError
from weights.shown import shown

# None of them is imported to know its name: the command line starts without NumPy.
FRAMEWORK_NAMES = ("torch", "jax", "tf", "all")


def preprocess_settings(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> dict[str, Any] | None:
    """The value of --preprocess as checked settings, or a usage error."""
    from weights.files.settings import check_settings

    if value is None:
        return None
    try:
        settings: dict[str, Any] = json.loads(value)
        check_settings(settings)
    except GhostError as error:
        raise click.BadParameter(str(error)) from None
    except (ValueError, RecursionError):
        raise click.BadParameter(f"must be a JSON object, got {shown(value)}") from None
    return settings


@click.command()
@click.argument("file", type=click.Path())
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--framework",
    type=click.Choice(FRAMEWORK_NAMES),
    help="What runs the network; the default: the first of these that is installed.",
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="How many classes to show."
)
@click.option(
    "--preprocess",
    "settings",
    metavar="JSON",
    callback=preprocess_settings,
    help="How an image becomes the input; wins over what FILE says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def predict(
    file: str, images: Sequence[str], framework: str | None, top: int,
    settings: dict[str, Any] | None, as_json: bool,
) -> None:  # fmt: skip
    """Say what the network of FILE sees in each IMAGE, with its probability.

    With --framework all, side by side in every framework that is installed.
    """
    from weights.commands.predict_tables import predictions_document, print_predictions
    from weights.prediction.frameworks import ALL, missing
    from weights.prediction.predict import predict as run

    # Read when TensorFlow is imported; what the user has set is left alone.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    predictions = run(file, images, framework=framework, settings=settings)
    gaps = missing() if framework == ALL else {}
    if as_json:
        click.echo(json.dumps(predictions_document(predictions, top, gaps), indent=2))
    else:
        print_predictions(predictions, top, gaps)
