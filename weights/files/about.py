"""The annotations of a file: the origin of its tensors, its preprocessing, names of classes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from weights.errors import ArgumentError
from weights.files.digests import canonical_json
from weights.files.settings import check_settings
from weights.limits import CHANNELS
from weights.text import brief

KEYS = ("classes", "preprocess", "source")
DIGEST = "about_sha256"


def annotations_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations in a file's metadata; an empty `source` is none."""
    return {key: metadata[key] for key in KEYS if key in metadata and metadata[key] != {}}


def about_digest(metadata: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a file's annotations.

    >>> about_digest({"source": {"importer": "seed"}, "classes": ["cat"]})[:16]
    '8cb7e25002572f30'
    """
    return hashlib.sha256(canonical_json(annotations_of(metadata))).hexdigest()


def check_about(metadata: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` for an annotation of a wrong type."""
    source, classes = metadata.get("source", {}), metadata.get("classes", [])
    for name, value in (("source", source), ("source.original", _original(source))):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ArgumentError(f"`{name}` must be an object, got {brief(value)}")
    is_list = isinstance(classes, list | tuple) and len(classes) <= CHANNELS.value
    if not is_list or not all(isinstance(name, str) for name in classes):
        raise ArgumentError(f"`classes` must be a list of names, got {brief(classes)}")
    if "preprocess" in metadata:
        check_settings(metadata["preprocess"])
    try:
        canonical_json(annotations_of(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"`source` must be JSON: {error}") from None


def _original(source: Any) -> Any:
    """Return the first origin of tensors that were exported and imported again."""
    return source.get("original", {}) if isinstance(source, Mapping) else {}
