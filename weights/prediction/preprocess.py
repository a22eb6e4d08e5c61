"""From images to the input of a network, in NumPy, the same for every framework."""

import numpy as np

from weights.checks import pair
from weights.errors import ArgumentError, FormatError
from weights.files.settings import INTERPOLATIONS, Preprocess, check_settings
from weights.files.storage import PathLike
from weights.limits import IMAGE
from weights.prediction.images import centre_crop, read_pixels, resize, resized_sizes


def preprocess(images: np.ndarray, settings: Preprocess) -> np.ndarray:
    """Return the input of a network: (image / divide_by - mean) / std, per channel, in float32.

    Args:
        images: (N, H, W, C) of any number type, of uint8 where they are resized; the result is
            (N, C, H', W').
        settings: `divide_by`, `mean` and `std` of each channel (red, green, blue), and how each
            image is resized and cropped before.

    Raises `ArgumentError` for settings or images that do not suit each other.

    >>> settings = {"divide_by": 255, "layout": "NHWC", "mean": [0.5], "std": [0.25]}
    >>> preprocess(np.full((1, 1, 1, 1), 255, np.uint8), settings).item()
    2.0
    """
    check_settings(settings)
    mean, std = (np.asarray(x, np.float64) for x in (settings["mean"], settings["std"]))
    if images.ndim != 4 or images.shape[3] != mean.size or 0 in images.shape:
        raise ArgumentError(
            f"images must be (N, H, W, C) with C = {mean.size}, none of them 0, got shape "
            f"{images.shape}"
        )
    images = _resize(images, settings)
    if "crop" in settings:
        images = centre_crop(images, pair("crop", settings["crop"], minimum=1))
    _check_pixels(images.shape[1:3])
    scaled = (images / float(settings["divide_by"]) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def read_image(path: PathLike, settings: Preprocess) -> np.ndarray:
    """Return the input (1, C, H, W) of a network from an image file.

    Raises `FormatError` for a file that is no image, or not one that the settings suit.
    """
    check_settings(settings)
    pixels = read_pixels(path, len(settings["mean"]))
    try:
        return preprocess(pixels[None], settings)
    except ArgumentError as error:
        raise FormatError(f"cannot use the image {path}: {error}") from None


def _resize(images: np.ndarray, settings: Preprocess) -> np.ndarray:
    if "resize" not in settings:
        return images
    before: tuple[int, int] = images.shape[1:3]
    sizes = resized_sizes(before, settings["resize"])
    if sizes == before:
        return images
    _check_pixels(sizes)
    interpolation = settings.get("interpolation", INTERPOLATIONS[0])
    return np.stack([resize(image, sizes, interpolation) for image in images])


def _check_pixels(sizes: tuple[int, ...]) -> None:
    """Raise `ArgumentError` for an image of which a batch would take gigabytes."""
    most = IMAGE.value
    if max(sizes) > most:
        raise ArgumentError(
            f"an image may have {most} x {most} pixels at most, got {sizes[0]} x {sizes[1]}: "
            f"crop it, or raise the limit by the environment variable {IMAGE.variable}"
        )
