"""An evaluation as a page: its figures, and pictures of the images that networks differ on."""

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from weights.evaluation.scores import TOP, Difference, Evaluation
from weights.evaluation.work import Work
from weights.frameworks import needed

TEMPLATE = "page.html.j2"
# Pictures on a page, their longer side in pixels, and the classes up to which counts are shown.
MOST_PICTURES, SIDE, MOST_CLASSES = 100, 160, 30


def render(work: Work, evaluation: Evaluation, label: Callable[[int], str]) -> str:
    """The whole document, which fetches nothing.

    Args:
        work: where the pictures are.
        evaluation: the figures.
        label: the name of a class.

    Raises `GhostError` where what makes pages is not installed.
    """
    with needed("a page", "evaluate"):
        from jinja2 import Environment, FileSystemLoader
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    differences = list(evaluation.differences())
    return environment.get_template(TEMPLATE).render(
        count=len(evaluation.labels),
        figures=[
            (name, evaluation.right(name), evaluation.right(name, TOP)) for name in work.networks
        ],
        agreement=evaluation.agreement(),
        differences=list(_pictures(work, differences[:MOST_PICTURES], label)),
        left_out=max(0, len(differences) - MOST_PICTURES),
        confusions=_confusions(work.networks, evaluation),
        labels=[label(index) for index in range(evaluation.classes)],
    )


def _confusions(networks: Sequence[str], evaluation: Evaluation) -> dict[str, Any]:
    if evaluation.classes > MOST_CLASSES:
        return {}
    return {name: evaluation.confusion(name).tolist() for name in networks}


def _pictures(
    work: Work, differences: Sequence[Difference], label: Callable[[int], str]
) -> Iterator[dict[str, Any]]:
    for each in islice(differences, MOST_PICTURES):
        said = {name: (label(said.best[0]), said.margin) for name, said in each.said.items()}
        yield {
            "image": each.image,
            "label": label(each.label),
            "said": said,
            "picture": _data_url(work, each.index),
        }


def _data_url(work: Work, index: int) -> str:
    from PIL import Image

    pixels = work.examples.image(index, len(work.settings["mean"]))
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
