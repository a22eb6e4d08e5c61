"""The command `ghost-weights evaluate`."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from weights.commands.options import file_argument, json_option, preprocess_option
from weights.commands.tables import new_console, new_table
from weights.evaluation.engines import local, ray_engine
from weights.evaluation.evaluate import BATCH, DECODERS
from weights.evaluation.evaluate import Progress as Observer
from weights.evaluation.evaluate import evaluate as run
from weights.evaluation.page import render
from weights.evaluation.scores import TOP, Evaluation
from weights.evaluation.work import Work
from weights.files.settings import Preprocess
from weights.files.writing import write_atomically
from weights.prediction.frameworks import ALL, missing
from weights.text import bounded

# Rows of the table of images on which networks differ.
MOST_ROWS = 20
PAGE, DOCUMENT, JOURNAL = "index.html", "evaluation.json", "journal.jsonl"


@click.command()
@file_argument
@click.argument("images", type=click.Path())
@click.option(
    "--framework",
    "networks",
    metavar="torch|jax|tf|all|ARTEFACT",
    multiple=True,
    help="Run this, all that are installed (the default), or an artefact of FILE; may be repeated.",
)
@preprocess_option
@click.option("--batch", type=click.IntRange(1), default=BATCH, show_default=True)
@click.option(
    "--decoders", type=click.IntRange(1), default=DECODERS, show_default=True,
    help="Threads that decode images.",
)  # fmt: skip
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Of the Ray cluster; by default one on this machine.")
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True,
    help="Workers on the Ray cluster, each with the networks.",
)  # fmt: skip
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Write a page, the figures as JSON and a journal, from which a run that was stopped goes "
    "on.",
)
@json_option
def evaluate(
    file: str, images: str, networks: Sequence[str], settings: Preprocess | None, batch: int,
    decoders: int, engine: str, address: str | None, workers: int, report: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Count how many of the labelled IMAGES the network of FILE classifies right.

    IMAGES is a folder with a folder for each class, a .txt file with the path and the class of an
    image in each line, or a .npz or .safetensors file with images and labels. An artefact is run,
    and some are programs: name those of people you trust.
    """
    if engine == "local" and (address is not None or workers > 1):
        raise click.UsageError("--address and --workers are for --engine ray")
    if report is not None:
        Path(report).mkdir(exist_ok=True, parents=True)
    with progress_bar() as observe:
        work, evaluation = run(
            file,
            images,
            networks,
            settings=settings,
            batch=batch,
            decoders=decoders,
            engine=local if engine == "local" else ray_engine(workers, address),
            journal=None if report is None else Path(report, JOURNAL),
            progress=observe,
        )
    label = labels_of(work)
    reasons = missing() if not networks or ALL in networks else {}
    document = json.dumps(evaluation.to_dict() | {"not_run": reasons}, indent=2)
    if report is not None:
        page = render(work, evaluation, label)
        for name, text in ((PAGE, page), (DOCUMENT, f"{document}\n")):
            write_atomically(Path(report, name), text.encode(), overwrite=True)
    if as_json:
        click.echo(document)
    else:
        print_evaluation(evaluation, label, reasons)


@contextmanager
def progress_bar() -> Iterator[Observer]:
    """A bar of the batches that are done, beside the output."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress("batches", *columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("batches", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def labels_of(work: Work) -> Callable[[int], str]:
    """Names of the classes, where the weight file has such."""
    classes = work.file.metadata.get("classes")
    return lambda index: classes[index] if classes else str(index)


def print_evaluation(
    evaluation: Evaluation, label: Callable[[int], str], reasons: Mapping[str, str]
) -> None:
    """Print the figures, and the first images on which networks differ.

    `reasons` say why other frameworks did not run.
    """
    console = new_console()
    count = len(evaluation.labels)
    rows = [
        (name, *(f"{n} ({100 * n / count:.2f} %)" for n in _right(evaluation, name)))
        for name in evaluation.best
    ]
    console.print(new_table(f"{count} images", ("network", "top-1", f"top-{TOP}"), rows))
    for name, reason in reasons.items():
        console.print(f"not run in {name}: {reason}")
    for (first, second), same in evaluation.agreement().items():
        console.print(bounded(f"{first} and {second} say the same of {same} images"))
    differences = list(evaluation.differences())
    if differences:
        shown = [
            (
                each.image,
                label(each.label),
                *(f"{label(said.best[0])}, by {said.margin:.3g}" for said in each.said.values()),
            )
            for each in differences[:MOST_ROWS]
        ]
        title = f"{len(differences)} images on which they differ"
        console.print(new_table(title, ("image", "class", *evaluation.best), shown))


def _right(evaluation: Evaluation, network: str) -> tuple[int, int]:
    return evaluation.right(network), evaluation.right(network, TOP)
