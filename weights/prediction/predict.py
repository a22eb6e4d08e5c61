"""Predictions of a network for images, in one framework or in several."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from weights.errors import ArgumentError, FormatError, GhostError
from weights.files.file import WeightFile, read_file
from weights.files.settings import Preprocess, imagenet
from weights.files.storage import PathLike
from weights.networks.architectures import Config, configure
from weights.prediction.frameworks import Network, build_all, choose
from weights.prediction.preprocess import read_image


@dataclass(frozen=True)
class Difference:
    """The largest difference of the logits between two frameworks, and the class that has it.

    `largest_logit` is the largest magnitude in any framework, to judge it by.
    """

    value: float
    frameworks: tuple[str, str]
    index: int
    largest_logit: float


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image: logits (classes,) by framework, in float64.

    `height` and `width` are those of the network's input.
    """

    image: str
    height: int
    width: int
    logits: Mapping[str, np.ndarray] = field(repr=False)

    def probabilities(self) -> dict[str, np.ndarray]:
        """Return the softmax of each framework's logits."""
        return {name: softmax(logits) for name, logits in self.logits.items()}

    def best(self, top: int) -> dict[str, list[int]]:
        """Return the `top` likeliest classes in each framework, the likeliest first."""
        ranked = {name: np.argsort(-logits, kind="stable") for name, logits in self.logits.items()}
        return {name: order[:top].tolist() for name, order in ranked.items()}

    def difference(self) -> Difference | None:
        """Return the largest difference between two frameworks; `None` where only one ran."""
        pairs = [_difference(self.logits, pair) for pair in combinations(self.logits, 2)]
        return max(pairs, key=lambda each: each.value, default=None)


@dataclass(frozen=True)
class Predictions:
    """The predictions for every image, with the names of the classes where the file has them.

    `assumed` says whose settings of images an importer took for granted, where it did.
    """

    architecture: str
    images: tuple[Prediction, ...]
    classes: tuple[str, ...] | None = field(default=None, repr=False)
    assumed: str | None = None

    def label(self, index: int) -> str:
        """Return the name of a class, or its index where it has none."""
        return self.classes[index] if self.classes else str(index)


def predict(
    path: PathLike,
    images: Sequence[PathLike],
    *,
    framework: str | None = None,
    settings: Preprocess | None = None,
) -> Predictions:
    """Run the network of an interchange file on image files, one at a time, in float32.

    Args:
        path: the interchange file of a classifier.
        images: image files, all of which are read before a framework is imported.
        framework: `torch`, `jax` or `tf`, `all` for every one that is installed, or `None` for the
            first of these.
        settings: the settings of the images, which win over the file's own `preprocess`.

    Raises `GhostError` where the file holds no classifier, an image cannot be read, nothing says
    how images become the input, or the framework is not installed.
    """
    file = read_file(path)
    config = configure(file.architecture, file.config)
    names = class_names(path, file, class_count(path, file, config))
    chosen = choose(framework)
    assumed = _assumed(file) if settings is None else None
    settings = settings_of(path, file) if settings is None else settings
    inputs = [_input(image, settings, config) for image in images]
    networks = build_all(chosen, file)
    predictions = tuple(map(lambda image, x: _predict(path, image, x, networks), images, inputs))
    return Predictions(file.architecture, predictions, names, assumed)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities (classes,) of logits.

    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def class_count(path: PathLike, file: WeightFile, config: Config) -> int:
    """Return how many classes a network has; raises `GhostError` where it has no classifier."""
    count = int(getattr(config, "num_classes", 0))
    if not count:
        raise GhostError(
            f"predict needs a network with a classifier, {path} holds a {file.architecture} "
            "without one"
        )
    return count


def class_names(path: PathLike, file: WeightFile, count: int) -> tuple[str, ...] | None:
    """Return the names of the classes, where the file has them; raises `FormatError` for others."""
    names = file.metadata.get("classes")
    if names is not None and len(names) != count:
        got = f"{len(names)} names"
        raise FormatError(f"{path}: `classes` must name each of the {count} classes, got {got}")
    return None if names is None else tuple(names)


def settings_of(path: PathLike, file: WeightFile) -> Preprocess:
    """Return the file's settings of images; raises `GhostError` where it has none."""
    if "preprocess" not in file.metadata:
        raise GhostError(
            f"{path} does not say how images become its input: give it with --preprocess, such as "
            f"--preprocess '{json.dumps(imagenet())}' for a network of ImageNet"
        )
    return file.metadata["preprocess"]


def _assumed(file: WeightFile) -> str | None:
    assumed = file.metadata.get("source", {}).get("assumed", {})
    found = assumed.get("preprocess") if isinstance(assumed, Mapping) else None
    return found if isinstance(found, str) else None


def _input(image: PathLike, settings: Preprocess, config: Config) -> np.ndarray:
    x = read_image(image, settings)
    try:
        config.check_input(x.shape, x.dtype.name)
    except ArgumentError as error:
        raise ArgumentError(f"cannot use the image {image}: {error}") from None
    return x


def _predict(
    path: PathLike, image: PathLike, x: np.ndarray, networks: Mapping[str, Network]
) -> Prediction:
    logits = {name: np.asarray(run(x), np.float64)[0] for name, run in networks.items()}
    wrong = [name for name, values in logits.items() if not np.isfinite(values).all()]
    if wrong:
        raise GhostError(
            f"the logits of {image} must be finite, they are not in {', '.join(wrong)}: see "
            f"`ghost-weights verify {path}`"
        )
    return Prediction(str(image), x.shape[2], x.shape[3], logits)


def _difference(logits: Mapping[str, np.ndarray], pair: tuple[str, str]) -> Difference:
    apart = np.abs(logits[pair[0]] - logits[pair[1]])
    largest = max(np.abs(values).max() for values in logits.values())
    index = int(apart.argmax())
    return Difference(float(apart[index]), pair, index, float(largest))
