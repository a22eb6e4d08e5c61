"""Tier `network`: a trained network gives the same answers everywhere, stage by stage.

A running error bound grows beyond use through a whole network: the rule is that of
`conformance.judging.stages`.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases import digits
from conformance.cases.case import Case
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import NotSupported, shorten
from conformance.implementations.implementation import Implementation
from conformance.judging.stages import (
    Reference,
    in_batches,
    in_dtype,
    is_network,
    judge_stage,
    oracle_run,
    stage_names,
)
from conformance.judging.verdict import Outcome
from conformance.tiers.base import Once
from weights import GhostError, WeightFile, child, read_file, read_metadata
from weights.files.storage import read_safetensors
from weights.prediction.preprocess import preprocess
from weights.shown import printable

LOGITS, PREDICTIONS = "logits", "predictions"
TRAINING_SECONDS = 300
# What `conformance.cases.digits` trains.
DIGITS: tuple[str, dict[str, Any]] = ("ghost_resnet20", {"in_chans": 1})


@dataclass(frozen=True)
class Data:
    """A weight file, its images and their labels."""

    file: WeightFile
    x: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)


class NetworkTier:
    """The digits network, trained on the spot, or the file and images that `configure` names."""

    name = "network"

    def __init__(self) -> None:
        self._paths: tuple[Path, Path] | None = None
        self._data = Once(self._load)
        self._truth = Once(oracle_stages)
        self._outputs: Once[Tensors] = Once(self._run)
        self._accuracies: dict[str, str] = {}

    def configure(self, weights: Path, images: Path) -> None:
        """Run these instead of the digits."""
        self._paths = (Path(weights), Path(images))

    def cases(self) -> list[Case]:
        """A case for every stage, and one for the predicted classes."""
        label, stages = "digits", stage_names(*DIGITS)
        if self._paths is not None:
            metadata = read_metadata(self._paths[0])
            label = printable(self._paths[0].stem)
            stages = stage_names(metadata["architecture"], metadata["config"])
        predictions = (PREDICTIONS,) if LOGITS in stages else ()
        return [
            Case(f"{label}-{stage}", self.name, "network", {}, (), stage)
            for stage in (*stages, *predictions)
        ]

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Error at most 4 x (the oracle's float32 error + 4 u max|y|); equal predicted classes."""
        data = self._data("data", None)
        truth = self._truth("truth", data)
        outputs = self._outputs(process.name, process)
        logits, wanted = (each.get(LOGITS, np.empty(0)) for each in (outputs, truth.values))
        if case.data == PREDICTIONS and logits.shape == wanted.shape:
            return self._judge_predictions(process.name, data, truth, outputs)
        return judge_stage(outputs, truth, LOGITS if case.data == PREDICTIONS else case.data)

    def options(self) -> str:
        """What the command line needs to run these cases again."""
        if self._paths is None:
            return ""
        weights, images = (shlex.quote(str(path)) for path in self._paths)
        return f"--weights {weights} --images {images}"

    def notes(self) -> list[str]:
        """How many images each implementation classified right."""
        return [f"{name}: {text}" for name, text in sorted(self._accuracies.items())]

    def _judge_predictions(
        self, name: str, data: Data, truth: Reference, outputs: Tensors
    ) -> Outcome:
        wanted = truth.values[LOGITS].argmax(axis=1)
        got = outputs[LOGITS].argmax(axis=1)
        differing = np.flatnonzero(got != wanted)
        for who, predicted in (("oracle", wanted), (name, got)):
            right = int((predicted == data.labels).sum())
            share = 100 * right / len(data.labels)
            self._accuracies[who] = f"{right} of {len(data.labels)} images right ({share:.1f} %)"
        if len(differing):
            return Outcome.failed(
                f"{len(differing)} predictions differ, first at image {differing[0]}: "
                f"class {got[differing[0]]}, wanted {wanted[differing[0]]}"
            )
        return Outcome.passed()

    def _run(self, process: Implementation) -> Tensors:
        data = self._data("data", None)
        file, weights = data.file, in_dtype(data.file.tensors, np.float32)
        return in_batches(
            lambda batch: process.taps(file.architecture, file.config, weights, batch), data.x
        )

    def _load(self, _: None) -> Data:
        if self._paths is not None:
            return load(*self._paths)
        with tempfile.TemporaryDirectory() as folder:
            train_digits(Path(folder))
            return load(Path(folder, digits.WEIGHTS), Path(folder, digits.IMAGES))


def load(weights: Path, images: Path) -> Data:
    """Read a weight file with its `preprocess`, and a file with `images` (NHWC) and `labels`."""
    file = read_file(weights)
    arrays, _ = read_safetensors(images)
    if not {"images", "labels"} <= arrays.keys():
        raise GhostError(
            f"{images} must hold `images` and `labels`, got {shorten(', '.join(arrays))}"
        )
    if not is_network(file.architecture):
        raise GhostError(f"{weights} holds a layer, tier network runs a trained network")
    if "preprocess" not in file.metadata:
        raise GhostError(f"{weights} does not say how images are preprocessed: import it again")
    return Data(file, preprocess(arrays["images"], file.metadata["preprocess"]), arrays["labels"])


def train_digits(folder: Path) -> None:
    """Train in a process of its own; this one stays free of frameworks."""
    missing = digits.missing_packages()
    if missing:
        raise NotSupported(f"the digits network is trained with {', '.join(missing)}: install it")
    command = child.python("conformance.cases.digits", str(folder))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TRAINING_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"training on the digits failed:\n{done.stderr}")


def oracle_stages(data: Data) -> Reference:
    """What the oracle says of every stage."""
    file = data.file
    return oracle_run(file.architecture, file.config, file.tensors, data.x).reference()
