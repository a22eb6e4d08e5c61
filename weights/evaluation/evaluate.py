"""An evaluation from a weight file and images to its figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from weights.evaluation.engines import Engine, local
from weights.evaluation.examples import read_examples
from weights.evaluation.journal import Journal
from weights.evaluation.scores import Evaluation
from weights.evaluation.work import Work, chosen_networks
from weights.files.file import read_file
from weights.files.settings import Preprocess
from weights.files.storage import PathLike
from weights.networks.architectures import configure
from weights.prediction.predict import class_count, class_names, settings_of

BATCH, DECODERS = 64, 4
# Told how many batches are done, and of how many.
Progress = Callable[[int, int], None]


def evaluate(
    path: PathLike,
    images: PathLike,
    networks: Sequence[str] = (),
    *,
    settings: Preprocess | None = None,
    batch: int = BATCH,
    decoders: int = DECODERS,
    engine: Engine = local,
    journal: PathLike | None = None,
    progress: Progress | None = None,
) -> tuple[Work, Evaluation]:
    """Run networks of one weight file on labelled images, in float32.

    Args:
        path: the interchange file of a classifier.
        images: a folder of classes, a list, or a file of arrays, as `read_examples` has them.
        networks: `torch`, `jax`, `tf`, `all` (the default) and paths of artefacts of the file.
        settings: how an image becomes the input; wins over the file's own `preprocess`.
        batch: images that are computed at once.
        decoders: threads that decode images.
        engine: where batches are computed.
        journal: a file of the batches that are done, from which a run that was stopped goes on.
        progress: called with the batches that are done, and with how many there are.

    Returns:
        The work, and the figures of it.

    Raises `GhostError` where something cannot be read, built or computed.
    """
    file = read_file(path)
    count = class_count(path, file, configure(file.architecture, file.config))
    names = class_names(path, file, count)
    settings = settings_of(path, file) if settings is None else settings
    examples = read_examples(images, count, names)
    work = Work(file, chosen_networks(networks, file), examples, settings, batch, decoders)
    kept = Journal(work, None if journal is None else Path(journal))
    left = [number for number in range(work.batches) if number not in kept.done]
    for number, scores in engine(work, left) if left else ():
        kept.add(number, scores)
        if progress is not None:
            progress(len(kept.done), work.batches)
    return work, _figures(work, kept, count)


def _figures(work: Work, kept: Journal, count: int) -> Evaluation:
    inorder = [kept.done[number] for number in range(work.batches)]
    best = {
        name: np.concatenate([np.array(each[name][0], np.int64) for each in inorder])
        for name in work.networks
    }
    margins = {
        name: np.concatenate([np.array(each[name][1]) for each in inorder])
        for name in work.networks
    }
    return Evaluation(work.examples.labels, best, margins, work.examples.names, count)
