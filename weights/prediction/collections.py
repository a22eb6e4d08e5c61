"""Many images at once, from a folder or a file: those that int8 is calibrated and judged by."""

from pathlib import Path

import numpy as np

from weights.deployment.quantising.samples import Samples
from weights.errors import FormatError, GhostError
from weights.files.settings import Preprocess
from weights.files.storage import PathLike, read_safetensors
from weights.limits import IMAGES
from weights.prediction.preprocess import preprocess, read_image
from weights.text import brief

# The arrays of a file of images.
PIXELS, LABELS = "images", "labels"


def read_samples(path: PathLike, settings: Preprocess | None) -> Samples:
    """Read images and, from a file, their labels.

    Args:
        path: a folder of image files, or a .safetensors or .npz file with `images` (N, H, W, C) of
            any number type and perhaps `labels` (N,).
        settings: those of the weight file, by which images become inputs.

    Raises `GhostError` where there are none, too many, one cannot be read, or they differ in size.
    """
    if settings is None:
        raise GhostError(
            "images need `preprocess` in the weight file, which says how one becomes the input: "
            "import it with --preprocess"
        )
    if Path(path).is_dir():
        return Samples(_folder(path, settings))
    arrays = read_image_arrays(path)
    if PIXELS not in arrays:
        raise FormatError(
            f"{path} must hold `{PIXELS}` (N, H, W, C) and may hold `{LABELS}` (N,), got "
            f"{brief(sorted(arrays))}"
        )
    images = arrays[PIXELS]
    if images.dtype.kind not in "uif":
        raise FormatError(f"{path}: `{PIXELS}` must be numbers, got {images.dtype.name}")
    _check_count(path, len(images) if images.ndim else 0)
    try:
        return Samples(preprocess(images, settings), arrays.get(LABELS))
    except GhostError as error:
        raise FormatError(f"cannot use the images of {path}: {error}") from None


def read_image_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays of a .npz or .safetensors file; raises `GhostError` where it is none."""
    if not str(path).endswith(".npz"):
        return read_safetensors(path)[0]
    from weights.importers.files import read_arrays  # with all importers, for this alone

    return read_arrays(path)


def _folder(folder: PathLike, settings: Preprocess) -> np.ndarray:
    try:
        files = sorted(Path(folder).iterdir())
    except OSError as error:
        raise GhostError(f"cannot read the folder {folder}: {error.strerror}") from None
    _check_count(folder, len(files))
    inputs = [read_image(file, settings) for file in files]
    for file, x in zip(files, inputs, strict=True):
        if x.shape != inputs[0].shape:
            sizes = " and ".join(f"{each.shape[2]} x {each.shape[3]}" for each in (inputs[0], x))
            raise FormatError(
                f"the images of {folder} must have one size, got {sizes} (height x width) at "
                f"{file.name}: set `resize` and `crop` in `preprocess`"
            )
    return np.concatenate(inputs)


def _check_count(path: PathLike, count: int) -> None:
    most = IMAGES.value
    if not 0 < count <= most:
        raise FormatError(
            f"{path} must hold 1 to {most} images, got {count}: give some of them, or raise the "
            f"limit by the environment variable {IMAGES.variable}"
        )
