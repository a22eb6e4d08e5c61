"""The settings that make an image the input of a network, as a file holds them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

import numpy as np

from weights.checks import choice, integer, number, pair
from weights.errors import ArgumentError
from weights.text import brief, listed

INTERPOLATIONS = ("bilinear", "bicubic", "nearest")
# The modes of Pillow by the number of channels.
MODES = {1: "L", 3: "RGB"}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Preprocess(TypedDict):
    """The settings of images, in the order of their use; sizes are of (height, width).

    An image is resized by `interpolation` (an int is the shorter side), its middle is cropped, and
    every channel becomes (image / divide_by - mean) / std.
    """

    resize: NotRequired[int | Sequence[int]]
    interpolation: NotRequired[str]
    crop: NotRequired[int | Sequence[int]]
    divide_by: float
    mean: Sequence[float]
    std: Sequence[float]
    layout: Literal["NHWC"]


KEYS, OPTIONAL = sorted(Preprocess.__required_keys__), sorted(Preprocess.__optional_keys__)


def imagenet(
    size: int = 224, crop_pct: float = 0.875, interpolation: str = "bilinear"
) -> Preprocess:
    """Return the settings with which timm evaluates networks on ImageNet.

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


def check_settings(settings: object) -> Preprocess:
    """Return the settings, or raise `ArgumentError` where one is missing, unknown or impossible."""
    if not isinstance(settings, Mapping):
        raise ArgumentError(f"`preprocess` must be an object of settings, got {brief(settings)}")
    missing = [key for key in KEYS if key not in settings]
    if missing or settings["layout"] != "NHWC":
        raise ArgumentError(
            f"`preprocess` must have {', '.join(KEYS)}, with layout 'NHWC', got "
            f"{brief(dict(settings))}"
        )
    unknown = [key for key in settings if key not in (*KEYS, *OPTIONAL)]
    if unknown:
        raise ArgumentError(
            f"`preprocess` may have {', '.join(OPTIONAL)} besides {', '.join(KEYS)}, got "
            f"{listed(map(brief, unknown))}"
        )
    _check_scaling(settings)
    _check_sizes(settings)
    return cast(Preprocess, settings)


def _check_scaling(settings: Mapping[str, Any]) -> None:
    number("preprocess.divide_by", settings["divide_by"], minimum=0)
    for key, minimum in (("mean", -np.inf), ("std", 0)):
        values = settings[key]
        if not isinstance(values, list | tuple) or len(values) not in MODES:
            raise ArgumentError(
                f"`preprocess.{key}` must be a list of 1 number (grey) or 3 (red, green, blue), "
                f"got {brief(values)}"
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
