"""The recipe of `train.py`, which a TOML file tells, and the batches that it makes.

Every batch follows from the seed, the epoch and its number alone: all frameworks see the same
images, and so does a run that goes on after an interruption.
"""

import json
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from rich.progress import track

HELD_OUT = 5  # every fifth image is not trained on


@dataclass(frozen=True)
class Recipe:
    """A network, its images, and how it is trained."""

    architecture: str = "ghost_resnet20"
    config: dict = field(default_factory=dict)
    start: str = ""  # a weight file to begin from
    images: str = ""  # a folder that has a folder for every class; without it digits
    size: int = 8  # height and width
    classes: int = 10
    channels: int = 1
    epochs: int = 10
    batch: int = 64
    rate: float = 3e-3  # falls to 0 along half a cosine
    weight_decay: float = 0.05
    smoothing: float = 0.1
    augment: bool = True  # shifts by an eighth, and of photographs their mirror images
    average: float = 0.0  # the decay of an exponential moving average of the weights, 0 for none
    mixed: bool = False  # compute in bfloat16
    teacher: str = ""  # a weight file whose predictions are learnt too, as GhostNetV3 does
    share: float = 0.5  # of the teacher in what is learnt
    seed: int = 0

    @classmethod
    def read(cls, path):
        """The recipe that a TOML file tells."""
        given = tomllib.loads(Path(path).read_text())
        unknown = given.keys() - {each.name for each in fields(cls)}
        if unknown:
            raise SystemExit(f"{path} has unknown keys: {', '.join(sorted(unknown))}")
        return cls(**given)

    @property
    def arguments(self):
        """The arguments of the network."""
        return {"num_classes": self.classes, "in_chans": self.channels, **self.config}


class Run:
    """The images of a recipe, and the folder in which a run keeps its log and checkpoints."""

    def __init__(self, recipe, folder):
        self.recipe, self.folder = recipe, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._images, labels = _folder(recipe) if recipe.images else _digits()
        places = np.arange(len(labels))
        self._labels, held_out = labels, places % HELD_OUT == 0
        self._train, self._held_out = places[~held_out], places[held_out]
        self.steps = len(self._train) // recipe.batch  # of an epoch
        self.log = self.folder / "log.jsonl"
        self.first_epoch = len(self.curve())

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
        """Write down the mean loss of an epoch, and how many held-out images are right."""
        right = 0
        for chosen in np.array_split(self._held_out, -(-len(self._held_out) // self.recipe.batch)):
            right += int((logits(self._images(chosen)).argmax(1) == self._labels[chosen]).sum())
        line = {"epoch": epoch, "loss": float(loss), "accuracy": right / len(self._held_out)}
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"epoch {epoch + 1}: loss {line['loss']:.4f}, held out {line['accuracy']:.1%}")

    def curve(self):
        """What was recorded of every epoch."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if (
            self.log.exists()
        ) else []  # fmt: skip


def taught(recipe, targets, logits):
    """What is to be predicted, where a teacher with these logits has its share of it."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (1 - recipe.share) * targets + recipe.share * powers / powers.sum(1, keepdims=True)


def _digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images[..., None] / 16).astype(np.float32)
    return images.__getitem__, found.target


def _folder(recipe):
    from PIL import Image

    classes = sorted(path for path in Path(recipe.images).iterdir() if path.is_dir())
    files = [(path, at) for at, each in enumerate(classes) for path in sorted(each.iterdir())]
    size, mode = (recipe.size, recipe.size), "L" if recipe.channels == 1 else "RGB"

    def read(number):
        with Image.open(files[number][0]) as image:
            return np.asarray(image.convert(mode).resize(size), np.float32) / 255

    def images(chosen):
        with ThreadPoolExecutor() as pool:
            found = np.stack(list(pool.map(read, chosen)))
        return found if found.ndim == 4 else found[..., None]

    return images, np.array([at for _, at in files])


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
