"""From images to the input of a network, in NumPy, the same for every framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.errors import ArgumentError

KEYS = ("divide_by", "layout", "mean", "std")


def preprocess(images: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """(image / divide_by - mean) / std, per channel, rounded to float32.

    Shapes: images: (N, H, W, C) of any number type to (N, C, H, W).

    >>> settings = {"divide_by": 255, "layout": "NHWC", "mean": [0.5], "std": [0.25]}
    >>> preprocess(np.full((1, 1, 1, 1), 255, np.uint8), settings).item()
    2.0
    """
    missing = [key for key in KEYS if key not in settings]
    if missing or settings["layout"] != "NHWC":
        raise ArgumentError(
            f"`preprocess` must have {', '.join(KEYS)}, with layout 'NHWC', got {dict(settings)!r}"
        )
    mean, std = (np.asarray(settings[key], np.float64) for key in ("mean", "std"))
    if images.ndim != 4 or images.shape[3] != mean.size:
        raise ArgumentError(
            f"images must be (N, H, W, C) with C = {mean.size}, got shape {images.shape}"
        )
    scaled = (images / float(settings["divide_by"]) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)
