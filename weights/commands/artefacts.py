"""What the commands do with artefacts: verify and describe them, and read images for them."""

import itertools
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from weights.commands.tables import aligned
from weights.deployment.artefacts import read_notes
from weights.deployment.exported import described
from weights.deployment.notes import INT8
from weights.deployment.quantising.quantise import inventory_of
from weights.deployment.quantising.verdict import MOST_LOST
from weights.deployment.verify import verify
from weights.errors import GhostError
from weights.files.file import read_metadata
from weights.files.settings import Preprocess
from weights.prediction.collections import read_samples
from weights.prediction.preprocess import read_image
from weights.text import bounded, printable

# Images that are judged at once.
BATCH = 16

images_option = click.option(
    "--images",
    metavar="DIR",
    type=click.Path(),
    help="A folder of images, for all of which the artefact must predict the same class.",
)
most_lost_option = click.option(
    "--most-lost",
    metavar="POINTS",
    type=float,
    default=MOST_LOST,
    show_default=True,
    help="Of int8: the percentage points of accuracy, or without labels of predictions, that may "
    "be lost.",
)


def verify_artefact(
    path: str, against: str, images: str | None, *, trusted: bool, most_lost: float
) -> None:
    """Hold an artefact against its weight file, and print the proof, or the verdict of int8."""
    settings = read_metadata(against).get("preprocess")
    target, notes = read_notes(path)
    given: dict[str, Any] = {}
    if notes.dtype == INT8 and images is not None:
        given = {"samples": read_samples(images, settings), "most_lost": most_lost}
    elif images is not None:
        given = {"images": images_of(images, settings)}
    notes, proof = verify(path, against, trusted=trusted, **given)
    click.echo(bounded(f"{path}: {described(notes)}, of {against}\n{proof}"))
    found = inventory_of(target.name, path)
    if found is not None and found.fault:
        click.echo(bounded(f"warning: {found.fault}"))


def print_artefact(path: str, as_json: bool) -> None:
    """Print what an artefact is, from its notes; nothing of it is run."""
    target, notes = read_notes(path)
    facts: dict[str, Any] = {"target": target.name, "bytes": size_of(Path(path))}
    facts |= json.loads(notes.to_json())
    found = inventory_of(target.name, path)
    if found is not None:
        facts["tensors"] = {
            kind: {"count": count, "bytes": size} for kind, (count, size) in found.counts.items()
        }
        if found.fault:
            facts["fault"] = found.fault
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        lines = aligned([(name, value) for name, value in facts.items()])
        click.echo("\n".join([printable(path), "", *lines]))


def images_of(folder: str | None, settings: Preprocess | None) -> list[np.ndarray]:
    """Read every image of a folder, in the order of their names.

    Neighbours of one size are one input (N, C, H, W): one alone takes a runtime twice as long.
    """
    if folder is None:
        return []
    if settings is None:
        raise GhostError(
            "images need `preprocess` in the weight file, which says how one becomes the input: "
            "import it with --preprocess"
        )
    try:
        files = sorted(Path(folder).iterdir())
    except OSError as error:
        raise GhostError(f"cannot read the folder {folder}: {error.strerror}") from None
    if not files:
        raise GhostError(f"{folder} must hold images, got an empty folder")
    images = (read_image(file, settings) for file in files)
    alike = (list(group) for _, group in itertools.groupby(images, lambda image: image.shape))
    return [
        np.concatenate(group[at : at + BATCH])
        for group in alike
        for at in range(0, len(group), BATCH)
    ]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
