"""Images that nobody took, with the statistics of those that somebody did."""

import numpy as np

from weights.files.settings import Preprocess

# Cells of the coarsest of the patterns that are added, and how much each finer one has of it.
COARSEST, FADING = 4, 0.6
MIDDLE, SPREAD = 0.45, 0.22


def images(
    batch: int, channels: int, size: tuple[int, int], settings: Preprocess | None, seed: int
) -> np.ndarray:
    """Draw images (N, C, H, W) in float32, scaled as the settings say.

    Neighbouring pixels are alike at every scale, as in photographs; without settings they have mean
    0 and variance 1. The same arguments give the same images.
    """
    generator = np.random.default_rng(seed)
    drawn = np.zeros((batch, channels, *size))
    cells, weight = COARSEST, 1.0
    while cells < 2 * max(size):
        grid = generator.normal(size=(batch, channels, *(min(cells, side) for side in size)))
        rows, columns = (np.arange(side) * min(cells, side) // side for side in size)
        drawn += weight * grid[:, :, rows][:, :, :, columns]
        cells, weight = 2 * cells, weight * FADING
    standard = drawn / (drawn.std() or 1)
    if settings is None or len(settings["mean"]) != channels:
        return standard.astype(np.float32)
    pixels = np.clip(MIDDLE + SPREAD * standard, 0, 1) * 255 / float(settings["divide_by"])
    mean, std = (np.reshape(settings[key], (-1, 1, 1)) for key in ("mean", "std"))
    return ((pixels - mean) / std).astype(np.float32)
