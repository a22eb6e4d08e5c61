"""From images to the input of a network, in NumPy, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.checks import choice, pair
from weights.errors import ArgumentError, FormatError, GhostError
from weights.storage import PathLike

KEYS = ("divide_by", "layout", "mean", "std")
OPTIONAL = ("crop", "interpolation", "resize")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic")
MODES = {1: "L", 3: "RGB"}


def imagenet(
    size: int = 224, crop_pct: float = 0.875, interpolation: str = "bilinear"
) -> dict[str, Any]:
    """The settings with which networks are evaluated on ImageNet, as timm has them.

    >>> imagenet()["resize"]
    256
    """
    return {
        "resize": int(size / crop_pct),
        "interpolation": interpolation,
        "crop": size,
        "divide_by": 255.0,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "layout": "NHWC",
    }


def preprocess(images: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """(image / divide_by - mean) / std, per channel, rounded to float32.

    Shapes: images: (N, H, W, C) of any number type to (N, C, H, W).

    >>> settings = {"divide_by": 255, "layout": "NHWC", "mean": [0.5], "std": [0.25]}
    >>> preprocess(np.full((1, 1, 1, 1), 255, np.uint8), settings).item()
    2.0
    """
    check_settings(settings)
    mean, std = (np.asarray(settings[key], np.float64) for key in ("mean", "std"))
    if images.ndim != 4 or images.shape[3] != mean.size:
        raise ArgumentError(
            f"images must be (N, H, W, C) with C = {mean.size}, got shape {images.shape}"
        )
    scaled = (images / float(settings["divide_by"]) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)


def read_image(path: PathLike, settings: Mapping[str, Any]) -> np.ndarray:
    """The input (1, C, H, W) that `settings` make of an image file.

    Pillow decodes it and resizes it, shorter side to `resize`, with its own antialiasing, as
    torchvision and timm do; then a centred crop. A rotation that only metadata tell is not
    applied, as it is not there either. Raises `FormatError` for a file that is no image.
    """
    check_settings(settings)
    pillow = _pillow()
    channels = len(settings["mean"])
    try:
        with pillow.open(path) as opened:
            image = opened.convert(MODES[channels])
    except OSError as error:
        reason = error.strerror or "it is damaged, or of a format that Pillow does not know"
        raise FormatError(f"cannot read the image {path}: {reason}") from None
    if "resize" in settings:
        name = settings.get("interpolation", "bilinear").upper()
        filter_ = getattr(pillow.Resampling, name)
        image = image.resize(resized(image.size, settings["resize"]), filter_)
    pixels = np.asarray(image).reshape(image.height, image.width, channels)
    if "crop" in settings:
        pixels = centre_crop(pixels, pair("crop", settings["crop"], minimum=1), path)
    return preprocess(pixels[None], settings)


def resized(size: tuple[int, int], resize: Any) -> tuple[int, int]:
    """(width, height) after resizing: `resize` is the shorter side, or height and width.

    >>> resized((640, 480), 256)
    (341, 256)
    """
    width, height = size
    if not isinstance(resize, int):
        wanted_height, wanted_width = pair("resize", resize, minimum=1)
        return wanted_width, wanted_height
    shorter = min(width, height)
    return int(resize * width / shorter), int(resize * height / shorter)


def centre_crop(pixels: np.ndarray, crop: tuple[int, int], path: PathLike) -> np.ndarray:
    """The middle of an image (H, W, C); where one row is too many, the upper and left one goes."""
    tops = [size - wanted for size, wanted in zip(pixels.shape[:2], crop, strict=True)]
    if min(tops) < 0:
        height, width = pixels.shape[:2]
        raise ArgumentError(
            f"the image {path} must be at least {crop[0]} x {crop[1]} (height x width) to be "
            f"cropped, got {height} x {width}: set `resize`"
        )
    top, left = (round(rest / 2) for rest in tops)
    return pixels[top : top + crop[0], left : left + crop[1]]


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` where a setting is missing, unknown or impossible."""
    missing = [key for key in KEYS if key not in settings]
    if missing or settings["layout"] != "NHWC":
        raise ArgumentError(
            f"`preprocess` must have {', '.join(KEYS)}, with layout 'NHWC', got {dict(settings)!r}"
        )
    unknown = [key for key in settings if key not in (*KEYS, *OPTIONAL)]
    if unknown or len(settings["mean"]) not in MODES:
        raise ArgumentError(
            f"`preprocess` may have {', '.join(OPTIONAL)} besides, and 1 or 3 means, got "
            f"{dict(settings)!r}"
        )
    if "interpolation" in settings:
        choice("interpolation", settings["interpolation"], INTERPOLATIONS)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise GhostError("reading images needs Pillow: pip install 'ghostconv[predict]'") from None
    return Image
