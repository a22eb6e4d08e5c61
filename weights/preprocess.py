"""From images to the input of a network, in NumPy, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.checks import choice, integer, number, pair
from weights.errors import ArgumentError, FormatError
from weights.images import (
    INTERPOLATIONS,
    MODES,
    centre_crop,
    pixels_of,
    read_pixels,
    resize,
    resized_sizes,
)
from weights.limits import IMAGE
from weights.shown import listed, shown
from weights.storage import PathLike

KEYS = ("divide_by", "layout", "mean", "std")
OPTIONAL = ("crop", "interpolation", "resize")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet(
    size: int = 224, crop_pct: float = 0.875, interpolation: str = "bilinear"
) -> dict[str, Any]:
    """The settings with which timm evaluates networks on ImageNet.

    `crop_pct` is the side of the crop by the shorter side of the resized image.

    >>> imagenet()["resize"], imagenet(240, 0.96)["resize"]
    (256, 250)
    """
    size = integer("size", size, minimum=1)
    shorter = int(size / number("crop_pct", crop_pct, minimum=0, maximum=1))
    return {
        "resize": shorter,
        "interpolation": choice("interpolation", interpolation, INTERPOLATIONS),
        "crop": size,
        "divide_by": 255.0,
        "mean": list(IMAGENET_MEAN),
        "std": list(IMAGENET_STD),
        "layout": "NHWC",
    }


def preprocess(images: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """The input of a network: (image / divide_by - mean) / std, per channel, in float32.

    Where the settings say so, each image is resized and its middle cut out before. Channels are in
    the order of `mean`: red, green, blue.

    Shapes: images: (N, H, W, C) of any number type, of uint8 to be resized, to (N, C, H', W').

    >>> settings = {"divide_by": 255, "layout": "NHWC", "mean": [0.5], "std": [0.25]}
    >>> preprocess(np.full((1, 1, 1, 1), 255, np.uint8), settings).item()
    2.0
    """
    check_settings(settings)
    mean, std = (np.asarray(settings[key], np.float64) for key in ("mean", "std"))
    if images.ndim != 4 or images.shape[3] != mean.size or 0 in images.shape:
        raise ArgumentError(
            f"images must be (N, H, W, C) with C = {mean.size}, none of them 0, got shape "
            f"{images.shape}"
        )
    images = _crop(_resize(images, settings), settings)
    _check_pixels(images.shape[1:3])
    scaled = (images / float(settings["divide_by"]) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def preprocess_image(image: Any, settings: Mapping[str, Any]) -> np.ndarray:
    """The input (1, C, H, W) of a network from one decoded image.

    `image` is an array (H, W, C) with the channels that `mean` has, or a Pillow image, which is
    converted to them.
    """
    check_settings(settings)
    is_array = isinstance(image, np.ndarray)
    pixels = image if is_array else pixels_of(image, len(settings["mean"]))
    return preprocess(pixels[None], settings)


def read_image(path: PathLike, settings: Mapping[str, Any]) -> np.ndarray:
    """The input (1, C, H, W) of a network from an image file.

    Raises `FormatError` for a file that is no image, or not one that the settings suit.
    """
    check_settings(settings)
    pixels = read_pixels(path, len(settings["mean"]))
    try:
        return preprocess_image(pixels, settings)
    except ArgumentError as error:
        raise FormatError(f"cannot use the image {path}: {error}") from None


def check_settings(settings: Any) -> None:
    """Raise `ArgumentError` where a setting is missing, unknown or impossible."""
    if not isinstance(settings, Mapping):
        raise ArgumentError(f"`preprocess` must be an object of settings, got {shown(settings)}")
    missing = [key for key in KEYS if key not in settings]
    if missing or settings["layout"] != "NHWC":
        raise ArgumentError(
            f"`preprocess` must have {', '.join(KEYS)}, with layout 'NHWC', got "
            f"{shown(dict(settings))}"
        )
    unknown = [key for key in settings if key not in (*KEYS, *OPTIONAL)]
    if unknown:
        raise ArgumentError(
            f"`preprocess` may have {', '.join(OPTIONAL)} besides {', '.join(KEYS)}, got "
            f"{listed(map(shown, unknown))}"
        )
    _check_scaling(settings)
    _check_sizes(settings)


def _check_scaling(settings: Mapping[str, Any]) -> None:
    number("preprocess.divide_by", settings["divide_by"], minimum=0)
    for key, minimum in (("mean", -np.inf), ("std", 0)):
        values = settings[key]
        if not isinstance(values, list | tuple) or len(values) not in MODES:
            raise ArgumentError(
                f"`preprocess.{key}` must be a list of 1 number (grey) or 3 (red, green, blue), "
                f"got {shown(values)}"
            )
        for value in values:
            number(f"preprocess.{key}", value, minimum=minimum)
    if len(settings["mean"]) != len(settings["std"]):
        raise ArgumentError(
            "`preprocess.mean` and `preprocess.std` must have as many numbers as each other, got "
            f"{len(settings['mean'])} and {len(settings['std'])}"
        )


def _check_sizes(settings: Mapping[str, Any]) -> None:
    for key in ("resize", "crop"):
        if key in settings:
            pair(f"preprocess.{key}", settings[key], minimum=1)
    if "interpolation" in settings:
        choice("preprocess.interpolation", settings["interpolation"], INTERPOLATIONS)


def _resize(images: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
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


def _crop(images: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    if "crop" not in settings:
        return images
    return centre_crop(images, pair("crop", settings["crop"], minimum=1))
