"""Labelled images: of folders by their class, of a list, or arrays of one file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from weights.errors import ArgumentError, FormatError
from weights.files.settings import Preprocess
from weights.files.storage import PathLike
from weights.prediction.collections import LABELS, PIXELS, read_image_arrays
from weights.prediction.images import read_pixels
from weights.prediction.preprocess import preprocess
from weights.text import brief, listed

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".tif", ".tiff")
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Examples:
    """Images with the index of their class, as files or as an array of pixels.

    Args:
        names: what to call each image: its path below `folder`, or its number.
        labels: (N,) the class of each.
        folder: where the files are.
        pixels: (N, H, W, C) bytes, where there are no files.
    """

    names: Sequence[str] = field(repr=False)
    labels: np.ndarray = field(repr=False)
    folder: Path = Path()
    pixels: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def stamps(self) -> list[tuple[int, int]]:
        """Size and time of change of each file, none of arrays; raises `FormatError`."""
        if self.pixels is not None:
            return []
        try:
            found = [(self.folder / name).stat() for name in self.names]
        except OSError as error:
            raise FormatError(f"cannot read {error.filename}: {error.strerror}") from None
        return [(each.st_size, each.st_mtime_ns) for each in found]

    def image(self, index: int, channels: int) -> np.ndarray:
        """The pixels (H, W, C) of an image; raises `FormatError` where it cannot be decoded."""
        if self.pixels is not None:
            return self.pixels[index]
        return read_pixels(self.folder / self.names[index], channels)

    def inputs(
        self, indices: Sequence[int], settings: Preprocess, pool: ThreadPoolExecutor
    ) -> np.ndarray:
        """The input (N, C, H, W) of a network for some images, decoded side by side.

        Raises `FormatError` where one cannot be decoded, or they are not of one size.
        """
        made = list(pool.map(lambda index: self._input(index, settings), indices))
        sizes = {each.shape[2:] for each in made}
        if len(sizes) > 1:
            found = listed(f"{height} x {width}" for height, width in sorted(sizes))
            raise FormatError(
                f"the images of a batch must be of one size, got {found}: give `resize` and `crop` "
                "in the settings of images, or a batch of 1"
            )
        return np.concatenate(made)

    def _input(self, index: int, settings: Preprocess) -> np.ndarray:
        try:
            return preprocess(self.image(index, len(settings["mean"]))[None], settings)
        except ArgumentError as error:
            raise FormatError(f"cannot use the image {self.names[index]}: {error}") from None


def read_examples(path: PathLike, count: int, classes: Sequence[str] | None = None) -> Examples:
    """The labelled images at a path, for a network of so many classes.

    A folder holds folders by the names or the numbers of classes, or one of other names for each
    class, in alphabetical order. A `.txt` file has a line for each image: its path, from the file's
    folder, and the number or the name of its class; a tab between the two allows a name of several
    words. A `.npz` or `.safetensors` file has `images` (N, H, W, C) of uint8 and `labels` (N,).

    Raises `GhostError` for anything else, and for a class that the network has not.
    """
    path = Path(path)
    numbers = {name: index for index, name in enumerate(classes or ())}
    if path.is_dir():
        examples = _of_folders(path, numbers, count)
    elif path.suffix in (".npz", ".safetensors"):
        examples = _of_arrays(path)
    else:
        examples = _of_list(path, numbers)
    outside = sorted({int(label) for label in examples.labels if not 0 <= label < count})
    if outside:
        raise FormatError(
            f"{path}: labels must be from 0 to {count - 1}, the network's classes, got "
            f"{listed(map(str, outside))}"
        )
    if not len(examples):
        raise FormatError(f"{path} must have images, got none")
    return examples


def _of_folders(path: Path, numbers: Mapping[str, int], count: int) -> Examples:
    folders = sorted(each for each in path.iterdir() if each.is_dir())
    classes = _by_folder(path, [each.name for each in folders], numbers, count)
    found = [(file, classes[folder.name]) for folder in folders for file in _files(folder)]
    labels = np.array([label for _, label in found], np.int64)
    return Examples([file.relative_to(path).as_posix() for file, _ in found], labels, path)


def _by_folder(
    path: Path, names: Sequence[str], numbers: Mapping[str, int], count: int
) -> dict[str, int]:
    known = {name: label for name in names if (label := _label(name, numbers)) is not None}
    others = [name for name in names if name not in known]
    if known and others:
        raise FormatError(
            f"{path} must have folders by the names or numbers of the network's classes, or none "
            f"such, got beside them {listed(others)}"
        )
    if others and len(others) != count:
        raise FormatError(
            f"{path} must have a folder for each of the {count} classes, or folders by their "
            f"names, got {len(others)}: {listed(others)}"
        )
    return known or {name: index for index, name in enumerate(others)}


def _label(text: str, numbers: Mapping[str, int]) -> int | None:
    """The class of this name, or of this number."""
    return numbers.get(text, int(text) if NUMBER.fullmatch(text) else None)


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES))


def _of_list(path: Path, numbers: Mapping[str, int]) -> Examples:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"cannot read the list of images {path}: {reason}") from None
    pairs = [line.rsplit("\t" if "\t" in line else None, 1) for line in lines]
    labels = []
    for number, pair in enumerate(pairs, start=1):
        label = _label(pair[-1].strip(), numbers)
        if len(pair) != 2 or label is None:
            raise FormatError(
                f"{path}: a line must be a path and the number or name of a class, got "
                f"{brief(lines[number - 1])} in line {number}"
            )
        labels.append(label)
    return Examples([name for name, _ in pairs], np.array(labels, np.int64), path.parent)


def _of_arrays(path: Path) -> Examples:
    arrays = read_image_arrays(path)
    if not {PIXELS, LABELS} <= set(arrays):
        raise FormatError(
            f"{path} must have arrays `{PIXELS}` and `{LABELS}`, got {brief(sorted(arrays))}"
        )
    images, labels = arrays[PIXELS], arrays[LABELS]
    if images.ndim != 4 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise FormatError(
            f"{path}: `{PIXELS}` must be (N, H, W, C) of uint8 and `{LABELS}` (N,), got "
            f"{images.shape} of {images.dtype} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise FormatError(f"{path}: `{LABELS}` must be integers, got {labels.dtype}")
    return Examples(
        [str(index) for index in range(len(images))], labels.astype(np.int64), pixels=images
    )
