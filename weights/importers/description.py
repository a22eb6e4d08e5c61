"""What an exported container says of its tensors, as JSON under one name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from weights.errors import ArgumentError, FormatError, ImportRefused
from weights.files.about import check_about
from weights.files.digests import canonical_json
from weights.files.file import ENTRY, PLAIN_VERSION, WeightFile, parse_entry
from weights.files.storage import PathLike

__all__ = ["ENTRY", "Description", "describe", "parse", "settle"]


@dataclass(frozen=True)
class Description:
    """The module that tensors are of, and what the interchange file said besides."""

    architecture: str
    config: dict[str, Any]
    source: dict[str, Any] = field(default_factory=dict)
    preprocess: dict[str, Any] | None = None
    classes: tuple[str, ...] | None = None

    def to_json(self) -> str:
        """Canonical JSON, what is absent left out."""
        fields = {
            "format_version": PLAIN_VERSION,
            "architecture": self.architecture,
            "config": self.config,
            "source": self.source,
            "preprocess": self.preprocess,
            "classes": self.classes,
        }
        return canonical_json({key: value for key, value in fields.items() if value}).decode()


def describe(file: WeightFile) -> Description:
    """The description of an interchange file."""
    source = file.metadata.get("source", {})
    classes = file.metadata.get("classes")
    return Description(
        file.architecture,
        dict(file.config),
        # After an import of an export the first origin stays, however often they alternate.
        dict(source.get("original", source)),
        file.metadata.get("preprocess"),
        None if classes is None else tuple(classes),
    )


def parse(path: PathLike, text: Any) -> Description | None:
    """The inverse of `Description.to_json`, None where there is none; raises `FormatError`."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise FormatError(f"{path}: the {ENTRY} entry must be a string, got {type(text).__name__}")
    found = parse_entry(path, text)
    architecture, config = found.get("architecture"), found.get("config", {})
    if not isinstance(architecture, str) or not isinstance(config, dict):
        raise FormatError(f"{path}: the {ENTRY} entry lacks architecture or config")
    try:
        check_about(found)
    except ArgumentError as error:
        raise FormatError(f"{path}: {error}") from None
    classes = found.get("classes")
    return Description(
        architecture,
        config,
        dict(found.get("source", {})),
        found.get("preprocess"),
        None if classes is None else tuple(classes),
    )


def settle(
    path: PathLike, found: Description | None, architecture: str | None, given: dict[str, Any]
) -> Description:
    """The whole description: what is given wins; raises `ImportRefused` where nothing tells."""
    if found is None and architecture is None:
        raise ImportRefused(
            f"{path} does not say which module it is of: name it with --architecture, and its "
            "arguments with --config"
        )
    if found is None:
        return Description(str(architecture), given)
    if architecture not in (None, found.architecture):
        raise ImportRefused(
            f"{path} says that it holds a {found.architecture}, got --architecture {architecture}: "
            "leave --architecture out"
        )
    return replace(found, config=found.config | given)
