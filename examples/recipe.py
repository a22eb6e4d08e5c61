"""The recipe of `train.py`, which a TOML file tells, and the batches that it makes.

Every batch follows from the seed, the epoch and its number alone: all frameworks see the same
images, and so does a run that goes on after an interruption.
"""

import json
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from rich.progress import track

from weights import ArgumentError, configure, read_file
from weights.evaluation.examples import read_examples

HELD_OUT = 5  # every fifth image is not trained on


@dataclass(frozen=True)
class Recipe:
    """A network, its images, and how it is trained."""

    architecture: str = "ghost_resnet20"
    config: dict = field(default_factory=dict)
    start: str = ""  # a weight file to begin from
    images: str = ""  # a folder that has one for every class, or a list of files; else digits
    size: int = 8  # height and width
    classes: int = 10
    channels: int = 1
    epochs: int = 10
    batch: int = 64
    rate: float = 3e-3  # falls to 0 along half a cosine
    weight_decay: float = 0.05
    smoothing: float = 0.1
    augment: bool = True  # shifts by an eighth, and of photographs their mirror images
    average: float = 0.0  # decay of an exponential moving average of the parameters, 0 for none
    mixed: bool = False  # compute in bfloat16
    teacher: str = ""  # a weight file whose predictions are learnt too, as GhostNetV3 does
    share: float = 0.5  # of the teacher in what is learnt
    seed: int = 0

    def __post_init__(self):
        for each in fields(self):
            value, kind = getattr(self, each.name), each.type
            if not isinstance(value, (int, float) if kind is float else kind):
                raise ArgumentError(f"`{each.name}` must be of type {kind.__name__}, got {value!r}")
        for name in ("size", "classes", "channels", "epochs", "batch", "rate"):
            if getattr(self, name) <= 0:
                raise ArgumentError(f"`{name}` must be above 0, got {getattr(self, name)}")
        for name in ("smoothing", "average", "share"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(
                    f"`{name}` must be at least 0 and below 1, got {getattr(self, name)}"
                )
        configure(self.architecture, self.arguments)
        if self.teacher:
            _check_teacher(self)

    @classmethod
    def read(cls, path):
        """The recipe that a TOML file tells."""
        try:
            given = tomllib.loads(Path(path).read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ArgumentError(f"cannot read the recipe {path}: {error}") from None
        unknown = given.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise ArgumentError(f"{path} has unknown keys: {', '.join(sorted(unknown))}")
        return cls(**given)

    @property
    def arguments(self):
        """The arguments of the network."""
        return {"num_classes": self.classes, "in_chans": self.channels, **self.config}


class Run:
    """The images of a recipe, and the folder in which a run keeps its log and checkpoints."""

    def __init__(self, recipe, folder, framework="torch"):
        self.recipe, self.folder = recipe, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._images, labels = _files(recipe) if recipe.images else _digits(recipe)
        places = np.arange(len(labels))
        self._labels, held_out = labels, places % HELD_OUT == 0
        self._train, self._held_out = places[~held_out], places[held_out]
        self.steps = len(self._train) // recipe.batch  # of an epoch
        if not self.steps:
            raise ArgumentError(
                f"`batch` must be at most the {len(self._train)} images, got {recipe.batch}"
            )
        self._check_folder({"framework": framework, **asdict(recipe)})
        self.log = self.folder / "log.jsonl"
        self.first_epoch = len(self.curve())

    def check_devices(self, count):
        """Raise `ArgumentError` where so many devices cannot have parts of one size."""
        if self.recipe.batch % count:
            raise ArgumentError(
                f"`batch` must be a multiple of the {count} devices, got {self.recipe.batch}"
            )

    def checkpoint(self, epochs, suffix):
        """Where the state after so many epochs is kept, until that after the next one is."""
        return self.folder / f"checkpoint-{epochs}{suffix}"

    def batches(self, epoch, show=True):
        """Images (N, H, W, C) and what is to be predicted of them (N, classes), in each step."""
        recipe = self.recipe
        generator = np.random.default_rng([recipe.seed, epoch])
        order = generator.permutation(self._train)
        numbers = range(self.steps)
        for number in track(numbers, f"epoch {epoch + 1}") if show else numbers:
            chosen = order[number * recipe.batch :][: recipe.batch]
            x = self._images(chosen)
            targets = np.full((len(x), recipe.classes), recipe.smoothing / recipe.classes)
            targets[np.arange(len(x)), self._labels[chosen]] += 1 - recipe.smoothing
            x = _augmented(x, generator, mirror=bool(recipe.images)) if recipe.augment else x
            yield x, targets.astype(np.float32)

    def record(self, epoch, loss, logits):
        """Write down the mean loss of an epoch, and how many held-out images are right.

        From then on a run goes on behind this epoch, whose checkpoint must be there.
        """
        right = 0
        for chosen in np.array_split(self._held_out, -(-len(self._held_out) // self.recipe.batch)):
            right += int((logits(self._images(chosen)).argmax(1) == self._labels[chosen]).sum())
        line = {"epoch": epoch, "loss": float(loss), "accuracy": right / len(self._held_out)}
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"epoch {epoch + 1}: loss {line['loss']:.4f}, held out {line['accuracy']:.1%}")
        for earlier in self.folder.glob(f"checkpoint-{epoch}.*"):
            earlier.unlink()

    def curve(self):
        """What was recorded of every epoch."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if (
            self.log.exists()
        ) else []  # fmt: skip

    def _check_folder(self, asked):
        path = self.folder / "recipe.json"
        kept = json.loads(path.read_text()) if path.exists() else asked
        other = [name for name, value in asked.items() if kept.get(name) != value]
        if other:
            raise ArgumentError(
                f"{self.folder} holds a run with another `{'`, `'.join(other)}`: give that recipe, "
                "or another folder"
            )
        path.write_text(json.dumps(asked, indent=2))


def taught(recipe, targets, logits):
    """What is to be predicted, where a teacher with these logits has its share of it."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (1 - recipe.share) * targets + recipe.share * powers / powers.sum(1, keepdims=True)


def _check_teacher(recipe):
    """Raise `GhostError` where the teacher looks at other images or tells other classes."""
    file = read_file(recipe.teacher)
    asked = {"num_classes": recipe.classes, "in_chans": recipe.channels}
    found = {name: file.config.get(name) for name in asked}
    if found != asked:
        raise ArgumentError(f"the teacher {recipe.teacher} must have {asked}, got {found}")


def _digits(recipe):
    if (recipe.size, recipe.channels, recipe.classes) != (8, 1, 10):
        raise ArgumentError("digits have `size` 8, `channels` 1 and `classes` 10: leave them out")
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images[..., None] / 16).astype(np.float32)
    return images.__getitem__, found.target


def _files(recipe):
    examples, pool = read_examples(recipe.images, recipe.classes), ThreadPoolExecutor()
    settings = {
        "resize": recipe.size, "crop": recipe.size, "divide_by": 255.0, "layout": "NHWC",
        "mean": [0.0] * recipe.channels, "std": [1.0] * recipe.channels,
    }  # fmt: skip

    def images(chosen):
        return examples.inputs(chosen, settings, pool).transpose(0, 2, 3, 1)

    return images, examples.labels


def _augmented(x, generator, mirror):
    most = max(x.shape[1] // 8, 1)
    padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)))
    return np.stack(list(_moved(padded, x.shape[1:3], generator, mirror)))


def _moved(padded, size, generator, mirror) -> Iterator[np.ndarray]:
    height, width = size
    for image in padded:
        down, right = generator.integers(0, padded.shape[1] - height + 1, 2)
        part = image[down : down + height, right : right + width]
        yield part[:, ::-1] if mirror and generator.integers(2) else part
