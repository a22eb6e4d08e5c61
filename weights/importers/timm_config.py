"""The preprocessing in the config.json that timm puts beside its weights."""

from pathlib import Path
from typing import Any

from weights import strict_json
from weights.errors import ArgumentError, FormatError
from weights.files.settings import Preprocess, check_settings, imagenet
from weights.files.storage import read_bytes
from weights.text import brief

# Settings of each channel.
NORMS = ("mean", "std")


def read_preprocess(settings: Path) -> Preprocess | None:
    """Read the settings of images from timm's config.json; None where it has none.

    Raises `FormatError` for anything else than timm writes.
    """
    config = _object(settings, strict_json.loads(read_bytes(settings), str(settings)), "the file")
    config = _object(settings, config.get("pretrained_cfg"), "`pretrained_cfg`")
    if "input_size" not in config:
        return None
    size = config["input_size"]
    if not isinstance(size, list) or len(size) != 3:
        raise FormatError(
            f"{settings}: `input_size` must be [channels, height, width], got {brief(size)}"
        )
    optional = {key: config[key] for key in ("crop_pct", "interpolation") if key in config}
    try:
        norms = {key: config[key] for key in NORMS if key in config}
        found = check_settings(dict(imagenet(size[-1], **optional)) | norms)
    except (ArgumentError, OverflowError) as error:  # a size beyond any float
        raise FormatError(f"{settings}: {error}") from None
    if len(found["mean"]) != size[0]:
        raise FormatError(
            f"{settings}: `mean` must have one number for each of the {brief(size[0])} channels, "
            f"got {brief(found['mean'])}"
        )
    return found


def _object(path: Path, value: Any, what: str) -> dict[str, Any]:
    """Return a JSON object; an empty one for null."""
    if value is not None and not isinstance(value, dict):
        raise FormatError(f"{path}: {what} must be an object, got {brief(value)}")
    return value or {}
