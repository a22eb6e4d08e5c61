"""Tier `network`: a trained network gives the same answers everywhere, stage by stage.

A running error bound grows beyond use through a whole network. Here the oracle's own float32 run
is the measure: an implementation may err four times as much, plus four roundings of the largest
value (`docs/tolerances.md`).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from conformance import digits
from conformance.bounds import UNIT_ROUNDOFF
from conformance.case import Case
from conformance.compare import judge
from conformance.errors import NotSupported
from conformance.oracle import weights_io
from conformance.process import Implementation
from conformance.tensors import Tensors
from conformance.tiers.base import Once
from conformance.verdict import Outcome
from weights import GhostError, WeightFile, read_file
from weights.preprocess import preprocess
from weights.storage import read_safetensors

STAGES = ("stem", "layer1", "layer2", "layer3", "logits")
PREDICTIONS = "predictions"
BASELINE_FACTOR = 4
BATCH = 50
TRAINING_SECONDS = 300


@dataclass(frozen=True)
class Data:
    """A weight file, its images and their labels."""

    file: WeightFile
    x: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)

    @property
    def batches(self) -> list[np.ndarray]:
        """The images in parts."""
        return np.split(self.x, range(BATCH, len(self.x), BATCH))

    def weights(self, dtype: type) -> Tensors:
        """The file's tensors in `dtype`."""
        return {name: array.astype(dtype) for name, array in self.file.tensors.items()}


@dataclass(frozen=True)
class Stages:
    """What the oracle says of every stage: the values, and the error that is allowed."""

    values: Tensors = field(repr=False)
    allowed: dict[str, float]


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
        label = "digits" if self._paths is None else self._paths[0].stem
        return [
            Case(f"{label}-{stage}", self.name, "network", {}, (), stage)
            for stage in (*STAGES, PREDICTIONS)
        ]

    def judge(self, case: Case, process: Implementation) -> Outcome:
        """Error at most 4 x (the oracle's float32 error + 4 u max|y|); equal predicted classes."""
        data = self._data("data", None)
        truth = self._truth("truth", data)
        outputs = self._outputs(process.name, process)
        stage = "logits" if case.data == PREDICTIONS else case.data
        if stage not in outputs:
            return Outcome.failed(f"its taps have no {stage}, only {', '.join(outputs)}")
        if case.data == PREDICTIONS:
            return self._judge_predictions(process.name, data, truth, outputs)
        return judge(outputs[stage], truth.values[stage], truth.allowed[stage])

    def options(self) -> str:
        """What the command line needs to run these cases again."""
        if self._paths is None:
            return ""
        weights, images = (shlex.quote(str(path)) for path in self._paths)
        return f"--weights {weights} --images {images}"

    def notes(self) -> list[str]:
        """How many images each implementation classified right."""
        return [f"{name}: {text}" for name, text in sorted(self._accuracies.items())]

    def _judge_predictions(self, name: str, data: Data, truth: Stages, outputs: Tensors) -> Outcome:
        wanted = truth.values["logits"].argmax(axis=1)
        got = outputs["logits"].argmax(axis=1)
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
        file, weights = data.file, data.weights(np.float32)
        parts = [
            process.taps(file.architecture, file.config, weights, batch) for batch in data.batches
        ]
        return {stage: np.concatenate([part[stage] for part in parts]) for stage in parts[0]}

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
        raise GhostError(f"{images} must hold `images` and `labels`, got {', '.join(arrays)}")
    if file.architecture == "ghost_conv":
        raise GhostError(f"{weights} holds a layer, tier network runs a trained network")
    if "preprocess" not in file.metadata:
        raise GhostError(f"{weights} does not say how images are preprocessed: import it again")
    return Data(file, preprocess(arrays["images"], file.metadata["preprocess"]), arrays["labels"])


def train_digits(folder: Path) -> None:
    """Train in a process of its own; this one stays free of frameworks."""
    missing = digits.missing_packages()
    if missing:
        raise NotSupported(f"the digits network is trained with {', '.join(missing)}: install it")
    command = [sys.executable, "-m", "conformance.digits", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TRAINING_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"training on the digits failed:\n{done.stderr}")


def oracle_stages(data: Data) -> Stages:
    """Every stage in float64, and what the same arithmetic loses in float32."""
    file = data.file
    exact = weights_io.build(file.architecture, file.config, data.weights(np.float64))
    baseline = weights_io.build(file.architecture, file.config, data.weights(np.float32))
    values: dict[str, list[np.ndarray]] = {stage: [] for stage in STAGES}
    worst = dict.fromkeys(STAGES, 0.0)
    for batch in data.batches:
        rough = baseline.stages(batch)
        for stage, value in exact.stages(batch.astype(np.float64)).items():
            values[stage].append(value)
            worst[stage] = max(worst[stage], float(np.abs(rough[stage] - value).max()))
    joined = {stage: np.concatenate(parts) for stage, parts in values.items()}
    allowed = {
        stage: BASELINE_FACTOR * (worst[stage] + 4 * UNIT_ROUNDOFF * float(np.abs(value).max()))
        for stage, value in joined.items()
    }
    return Stages(joined, allowed)
