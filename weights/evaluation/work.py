"""A batch of an evaluation: what it takes to compute one, wherever that is done."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.artefacts import open_artefact, read_notes
from weights.errors import ArgumentError, FormatError, GhostError
from weights.evaluation.examples import Examples
from weights.evaluation.scores import score
from weights.files.file import WeightFile
from weights.files.settings import Preprocess
from weights.frameworks import FRAMEWORKS
from weights.networks.architectures import configure
from weights.prediction.frameworks import ALL, Network, build_all, choose
from weights.text import brief

# Of one batch: by network, the likeliest classes and the margins, as JSON writes them.
Scores = Mapping[str, tuple[Sequence[Sequence[int]], Sequence[float]]]


@dataclass(frozen=True)
class Work:
    """Everything that computes a batch: a weight file, networks, images, and how they become input.

    The batches are the images in their order, `batch` at a time: what an image is computed with
    does not depend on who computes it, or when.

    Args:
        file: the weights.
        networks: frameworks by their short names, and paths of artefacts.
        examples: the labelled images.
        settings: how an image becomes the input.
        batch: images of one batch.
        decoders: threads that decode images.
    """

    file: WeightFile = field(repr=False)
    networks: tuple[str, ...]
    examples: Examples
    settings: Preprocess = field(repr=False)
    batch: int
    decoders: int

    @property
    def batches(self) -> int:
        """How many batches there are."""
        return -(-len(self.examples) // self.batch)

    def indices(self, number: int) -> range:
        """The images of a batch."""
        return range(number * self.batch, min((number + 1) * self.batch, len(self.examples)))


class Worker:
    """Holds the networks of some work, and computes its batches.

    Args:
        work: the work.

    Raises `GhostError` where a network cannot be built.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        frameworks = [FRAMEWORKS[name] for name in work.networks if name in FRAMEWORKS]
        built = build_all(frameworks, work.file)
        self._networks: dict[str, Network] = {
            name: built[name] if name in built else open_artefact(name).run
            for name in work.networks
        }

    def compute(self, number: int) -> Scores:
        """The scores of a batch; raises `GhostError` where an image or the logits are not right."""
        return self.scores(number, self.inputs(number))

    def scores(self, number: int, inputs: np.ndarray) -> Scores:
        """The scores of a batch whose input (N, C, H, W) was read."""
        made: dict[str, Any] = {}
        for name, run in self._networks.items():
            try:
                best, margins = score(np.asarray(run(inputs)))
            except GhostError as error:
                raise GhostError(f"{name}, batch {number}: {error}") from None
            made[name] = (best.tolist(), margins.tolist())
        return made

    def inputs(self, number: int) -> np.ndarray:
        """The input (N, C, H, W) of a batch."""
        work = self.work
        x = work.examples.inputs(work.indices(number), work.settings, self._pool)
        try:
            configure(work.file.architecture, work.file.config).check_input(x.shape, x.dtype.name)
        except ArgumentError as error:
            raise FormatError(f"cannot use the images of batch {number}: {error}") from None
        return x

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.work.decoders)


def chosen_networks(wanted: Sequence[str], file: WeightFile) -> tuple[str, ...]:
    """The networks that are asked for: frameworks, `all` of them, and artefacts of the weights.

    Raises `GhostError` for a framework that is not installed, `FormatError` for what is no
    artefact, `ArgumentError` for one of other weights and for what is neither.
    """
    names: dict[str, None] = {}
    known = (*FRAMEWORKS, ALL)
    for each in wanted or [ALL]:
        if each in known:
            names |= dict.fromkeys(framework.name for framework in choose(each))
            continue
        if not Path(each).exists():
            raise ArgumentError(
                f"a network must be one of {', '.join(known)}, or the path of an artefact, got "
                f"{brief(each)}"
            )
        _, notes = read_notes(each)
        if notes.weights_sha256 != file.metadata["content_sha256"]:
            raise ArgumentError(f"{each} must be an artefact of the weight file, got one of others")
        names[each] = None
    return tuple(names)
