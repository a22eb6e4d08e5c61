"""Tier `network`: a trained network gives the same answers everywhere, stage by stage.

A running error bound grows beyond use through a whole network: the rule is that of
`conformance.judging.stages`.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases import digits
from conformance.cases.case import Case
from conformance.cases.model import Model, plain_weights
from conformance.cases.tensors import Tensors
from conformance.implementations.errors import NotSupported, shorten
from conformance.implementations.implementation import Implementation
from conformance.implementations.registry import code_of, installed_version
from conformance.judging import stages
from conformance.judging.verdict import Outcome
from conformance.tiers.base import DEFAULT_SETTINGS, Memo, Settings, Tier
from weights import GhostError, WeightFile, child, read_file, read_metadata
from weights.files.storage import read_safetensors
from weights.prediction.preprocess import preprocess
from weights.text import printable

LOGITS, PREDICTIONS = "logits", "predictions"
TRAINING_SECONDS = 300
# The network that `conformance.cases.digits` trains.
DIGITS_LABEL = "digits"
DIGITS: tuple[str, dict[str, Any]] = ("ghost_resnet20", {"in_chans": 1})


@dataclass(frozen=True)
class Data:
    """A weight file, its images as the network takes them, (N, C, H, W), and their labels."""

    file: WeightFile
    x: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)


class NetworkTier(Tier):
    """The digits network, trained on the spot, or the file and images of `settings`."""

    name = "network"
    in_pytest = False

    def __init__(self, settings: Settings = DEFAULT_SETTINGS) -> None:
        super().__init__(settings)
        self._data = Memo(self._load)
        self._reference = Memo(self._oracle_stages)
        self._outputs = Memo(self._run)
        self._accuracies: dict[str, str] = {}

    def cases(self) -> list[Case]:
        """A case for every stage, and one for the predicted classes."""
        label, names = DIGITS_LABEL, stages.stage_names(*DIGITS)
        if self.settings.weights is not None:
            metadata = read_metadata(self.settings.weights)
            label = printable(self.settings.weights.stem)
            names = stages.stage_names(metadata["architecture"], metadata["config"])
        predictions = (PREDICTIONS,) if LOGITS in names else ()
        return [
            Case(f"{label}-{stage}", self.name, "network", {}, (), stage)
            for stage in (*names, *predictions)
        ]

    def judge(self, case: Case, implementation: Implementation) -> Outcome:
        """Error at most 4 x (the oracle's float32 error + 4 u max|y|); equal predicted classes."""
        # First, since an implementation without stages needs no trained network.
        outputs, reference = self._outputs(implementation), self._reference()
        if case.data != PREDICTIONS:
            return stages.judge_stage(outputs, reference, case.data)
        wanted = reference.values[LOGITS]
        got = outputs.get(LOGITS, np.empty(0))
        if got.shape != wanted.shape:
            return stages.judge_stage(outputs, reference, LOGITS)
        return self._judge_predictions(implementation.name, got.argmax(1), wanted.argmax(1))

    def given(self) -> tuple[Model, np.ndarray]:
        """The network, and the images (N, C, H, W) that it gets."""
        data = self._data()
        return Model.of(data.file).astype(np.float32), data.x

    def options(self) -> str:
        """The weights and images of the run, where they are not the digits."""
        if self.settings.weights is None:
            return ""
        weights, images = (
            shlex.quote(str(p)) for p in (self.settings.weights, self.settings.images)
        )
        return f"--weights {weights} --images {images}"

    def notes(self) -> list[str]:
        """How many images each implementation classified right."""
        return [f"{name}: {text}" for name, text in sorted(self._accuracies.items())]

    def _judge_predictions(self, name: str, got: np.ndarray, wanted: np.ndarray) -> Outcome:
        labels = self._data().labels
        for who, predicted in (("oracle", wanted), (name, got)):
            right = int((predicted == labels).sum())
            share = 100 * right / len(labels)
            self._accuracies[who] = f"{right} of {len(labels)} images right ({share:.1f} %)"
        differing = np.flatnonzero(got != wanted)
        if not len(differing):
            return Outcome.passed()
        first = differing[0]
        return Outcome.failed(
            f"{len(differing)} predictions differ, first at image {first}: "
            f"class {got[first]}, wanted {wanted[first]}"
        )

    def _load(self) -> Data:
        if self.settings.weights is not None and self.settings.images is not None:
            return load(self.settings.weights, self.settings.images)
        files = self.kept.arrays(digits_origin(), trained_digits)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                Path(folder, name).write_bytes(content.tobytes())
            return load(Path(folder, digits.WEIGHTS), Path(folder, digits.IMAGES))

    def _oracle_stages(self) -> stages.Reference:
        data = self._data()
        of = [data.file.metadata, sha256(data.x.tobytes()).hexdigest()]
        return self.kept.reference(
            of, lambda: stages.oracle_run(Model.of(data.file), data.x).reference()
        )

    def _run(self, implementation: Implementation) -> Tensors:
        if self.settings.weights is None:
            _try(implementation)
        model, x = self.given()
        return stages.in_batches(lambda batch: implementation.taps(model, batch), x)


def _try(implementation: Implementation) -> None:
    """Ask for the stages of a network that nobody trained; raises what `implementation` raises."""
    architecture, config = DIGITS
    model = Model(architecture, config, plain_weights(architecture, config))
    implementation.taps(model, np.zeros((stages.BATCH, *digits.SHAPE), np.float32))


def load(weights: Path, images: Path) -> Data:
    """Read a weight file with its `preprocess`, and a file with `images` (NHWC) and `labels`."""
    file = read_file(weights)
    arrays, _ = read_safetensors(images)
    if not {"images", "labels"} <= arrays.keys():
        raise GhostError(
            f"{images} must hold `images` and `labels`, got {shorten(', '.join(arrays))}"
        )
    if not stages.is_network(file.architecture):
        raise GhostError(f"{weights} holds a layer, tier network runs a trained network")
    if "preprocess" not in file.metadata:
        raise GhostError(f"{weights} does not say how images are preprocessed: import it again")
    return Data(file, preprocess(arrays["images"], file.metadata["preprocess"]), arrays["labels"])


def digits_origin() -> list[Any]:
    """The code and the packages on which the network of the digits depends."""
    versions = [installed_version(package) for package in ("torch", "scikit-learn")]
    return [code_of(["ghost_torch"]), versions]


def trained_digits() -> Tensors:
    """The bytes of its files, by name."""
    with tempfile.TemporaryDirectory() as folder:
        train_digits(Path(folder))
        names = digits.WEIGHTS, digits.IMAGES
        return {name: np.fromfile(Path(folder, name), np.uint8) for name in names}


def train_digits(folder: Path) -> None:
    """Train in a process of its own; this one stays free of frameworks."""
    missing = digits.missing_packages()
    if missing:
        raise NotSupported(f"the digits network is trained with {', '.join(missing)}: install it")
    command = child.python("conformance.cases.digits", str(folder))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRAINING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"training on the digits took more than {TRAINING_SECONDS} s, on an idle machine it "
            "takes about 20: run again when less goes on beside it"
        ) from None
    if done.returncode:
        raise RuntimeError(f"training on the digits failed:\n{done.stderr}")
