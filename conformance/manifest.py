"""The manifest of a folder of test vectors: its JSON Schema, and reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.tiers import VECTOR_TIERS
from weights import FormatError, strict_json
from weights.files.storage import read_bytes

VERSION = "1.0"
MANIFEST, SCHEMA = "manifest.json", "manifest.schema.json"

PATH = {"type": "string", "pattern": r"^[a-z]+/[^/]+\.safetensors$"}
NAMES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
VECTOR = {
    "id": {"type": "string"},
    "tier": {"enum": list(VECTOR_TIERS)},
    "architecture": {"type": "string"},
    "config": {"type": "object"},
    "input_shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
    "inputs": PATH,
    "wanted": PATH,
    "outputs": NAMES,
}
JSON_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Test vectors for Ghost convolutions",
    "type": "object",
    "required": ["format_version", "cases"],
    "properties": {
        "format_version": {"const": VERSION},
        "cases": {
            "type": "array",
            "items": {
                "type": "object",
                "required": list(VECTOR),
                "additionalProperties": False,
                "properties": VECTOR,
            },
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class Vector:
    """A case of a manifest: its module, and its two files."""

    id: str
    tier: str
    architecture: str
    config: Mapping[str, Any]
    input_shape: tuple[int, ...]
    inputs: str
    wanted: str
    outputs: tuple[str, ...]


def read_manifest(folder: Path) -> list[Vector]:
    """The vectors of a folder; raises `FormatError`."""
    path = folder / MANIFEST
    data = read_bytes(path)
    try:
        document = strict_json.loads(data)
        version = document["format_version"]
        cases = [
            Vector(**each | {key: tuple(each[key]) for key in ("input_shape", "outputs")})
            for each in document["cases"]
        ]
        is_sound = all(map(_is_sound, cases))
    except (ValueError, KeyError, TypeError):
        is_sound = False
    if not is_sound:
        raise FormatError(f"{path} is no manifest of test vectors: see {SCHEMA}")
    if version != VERSION:
        raise FormatError(f"{path} has version {version}, this package reads {VERSION}")
    return cases


def _is_sound(vector: Vector) -> bool:
    """Whether its files lie in the folder, and its names are names."""
    places = all(re.fullmatch(PATH["pattern"], place) for place in (vector.inputs, vector.wanted))
    names = (vector.id, *vector.outputs)
    is_named = all(isinstance(name, str) and name.isprintable() for name in names)
    return places and is_named and "/" not in vector.id and vector.tier in VECTOR_TIERS
