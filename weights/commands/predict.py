"""The command `ghost-weights predict`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from weights.commands.options import file_argument, json_option, preprocess_option
from weights.commands.tables import new_console, new_table
from weights.files.settings import Preprocess
from weights.frameworks import FRAMEWORKS
from weights.prediction.frameworks import ALL, missing
from weights.prediction.predict import Prediction, Predictions
from weights.prediction.predict import predict as run
from weights.text import bounded

ASSUMED = (
    "preprocess: that of {} is only assumed, no tensor tells how images were scaled in training; "
    "--preprocess gives another"
)


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
@preprocess_option
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


def print_predictions(predictions: Predictions, top: int, reasons: Mapping[str, str]) -> None:
    """Print a table for each image: the likeliest classes, the frameworks side by side.

    `reasons` say why the other frameworks did not run.
    """
    console = new_console()
    if predictions.assumed is not None:
        console.print(bounded(ASSUMED.format(predictions.assumed)))
    for image in predictions.images:
        columns = ("rank", *image.logits) if len(image.logits) > 1 else ("rank", "class")
        console.print(new_table(image.image, columns, _rows(predictions, image, top)))
        console.print(bounded(_difference_line(predictions, image)))
    for name, reason in reasons.items():
        console.print(f"not run in {name}: {reason}")


def predictions_document(
    predictions: Predictions, top: int, reasons: Mapping[str, str]
) -> dict[str, Any]:
    """Return the same as a JSON document."""
    images = [_image_document(predictions, image, top) for image in predictions.images]
    document = {"architecture": predictions.architecture, "images": images}
    assumed = {"preprocess_assumed": predictions.assumed} if predictions.assumed else {}
    return document | {"not_run": dict(reasons)} | assumed


def _rows(predictions: Predictions, image: Prediction, top: int) -> list[tuple[str, ...]]:
    best, probabilities = image.best(top), image.probabilities()
    cells = [
        [f"{predictions.label(index)}  {probabilities[name][index]:.4f}" for index in indices]
        for name, indices in best.items()
    ]
    return [(str(rank), *row) for rank, row in enumerate(zip(*cells, strict=True), start=1)]


def _difference_line(predictions: Predictions, image: Prediction) -> str:
    difference = image.difference()
    if difference is None:
        return f"{', '.join(image.logits)} at {image.height} x {image.width}"
    return (
        f"at {image.height} x {image.width}, largest difference of a logit: "
        f"{difference.value:.3g}, between "
        f"{' and '.join(difference.frameworks)} at {predictions.label(difference.index)} "
        f"(largest logit {difference.largest_logit:.3g})"
    )


def _image_document(predictions: Predictions, image: Prediction, top: int) -> dict[str, Any]:
    probabilities = image.probabilities()
    frameworks = {
        name: [
            {
                "class": predictions.label(index),
                "index": index,
                "logit": float(image.logits[name][index]),
                "probability": float(probabilities[name][index]),
            }
            for index in indices
        ]
        for name, indices in image.best(top).items()
    }
    difference = image.difference()
    return {
        "image": image.image,
        "size": [image.height, image.width],
        "frameworks": frameworks,
        "largest_difference": None if difference is None else difference.value,
    }
