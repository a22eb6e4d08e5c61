"""Images by Pillow: files read, pixels resized, and sizes cropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from weights.checks import integer, pair
from weights.errors import ArgumentError, FormatError, GhostError
from weights.files.settings import MODES
from weights.files.storage import PathLike, opened
from weights.frameworks import needed

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow's modes of 32 bits per channel, whose range is unknown.
WIDE_MODES = ("I", "F")

Sizes = tuple[int, int]


def read_pixels(path: PathLike, channels: int) -> np.ndarray:
    """Return the pixels (H, W, C) of an image file, as bytes: grey for 1 channel, RGB for 3.

    An animation gives its first frame. A rotation in the metadata is not applied, as it is not by
    torchvision and timm. Raises `FormatError` for a file that cannot be decoded.
    """
    pillow = _pillow()
    with opened(path) as stream:
        try:
            with pillow.open(stream) as image:
                return pixels_of(image, channels)
        except pillow.UnidentifiedImageError:
            raise FormatError(
                f"cannot read the image {path}: it is none that Pillow knows"
            ) from None
        except GhostError as error:
            raise FormatError(f"cannot read the image {path}: {error}") from None
        except Exception as error:  # Pillow's decoders raise whatever damage leads them to
            raise FormatError(
                f"cannot read the image {path}: is it whole? Pillow: {error}"
            ) from None


def pixels_of(image: Image, channels: int) -> np.ndarray:
    """Return the pixels (H, W, C) of a Pillow image, as bytes: grey for 1 channel, RGB for 3.

    A palette is applied, CMYK is converted, transparency is dropped, and of 16 bits the upper 8
    are kept. Raises `ArgumentError` for 32 bits and for floating point numbers.
    """
    if image.mode in WIDE_MODES:
        raise ArgumentError(
            f"an image must have 8 or 16 bits per channel, got Pillow's mode {image.mode!r}: "
            "convert it to 8 bits"
        )
    if image.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255 instead of scaling.
        image = _pillow().fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "P":
        # Pillow warns of the direct conversion where a colour is transparent.
        image = image.convert("RGBA")
    converted = image.convert(MODES[channels])
    return np.asarray(converted).reshape(converted.height, converted.width, channels)


def resize(pixels: np.ndarray, sizes: Sizes, interpolation: str) -> np.ndarray:
    """Resize bytes (H, W, C) to these sizes (height, width), by Pillow.

    Pillow's filters widen as an image shrinks (antialiasing), and round to bytes.
    """
    if pixels.dtype != np.uint8:
        raise ArgumentError(f"an image must be of uint8 to be resized, got {pixels.dtype}")
    pillow = _pillow()
    height, width = sizes
    channels = pixels.shape[2]
    image = pillow.fromarray(pixels[..., 0] if channels == 1 else pixels)
    filter_ = pillow.Resampling[interpolation.upper()]
    return np.asarray(image.resize((width, height), filter_)).reshape(height, width, channels)


def resized_sizes(sizes: Sizes, wanted: int | Sequence[int]) -> Sizes:
    """Return height and width after resizing: `wanted` is the shorter side, or both.

    >>> resized_sizes((480, 641), 256), resized_sizes((480, 641), [224, 224])
    ((256, 341), (224, 224))
    """
    if not isinstance(wanted, int):
        return pair("resize", wanted, minimum=1)
    shorter, wanted = min(sizes), integer("resize", wanted, minimum=1)
    height, width = (wanted * size // shorter for size in sizes)
    return height, width


def centre_crop(images: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Return the middle of images (N, H, W, C); the offsets are rounded half to even.

    Raises `ArgumentError` where an image is smaller than the crop.
    """
    height, width = images.shape[1:3]
    if height < sizes[0] or width < sizes[1]:
        raise ArgumentError(
            f"an image must be at least {sizes[0]} x {sizes[1]} (height x width) to be cropped, "
            f"got {height} x {width}: set `resize` too"
        )
    top, left = round((height - sizes[0]) / 2), round((width - sizes[1]) / 2)
    return images[:, top : top + sizes[0], left : left + sizes[1]]


def _pillow() -> Any:
    with needed("an image", "predict"):
        from PIL import Image
    return Image
