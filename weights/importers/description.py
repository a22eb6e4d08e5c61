"""The description of an exported file's tensors, as JSON under one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weights.errors import FormatError, ImportRefused
from weights.files.digests import canonical_json
from weights.files.file import WeightFile
from weights.files.metadata import ENTRY, PLAIN_VERSION, check_annotations, parse_entry
from weights.files.settings import Preprocess
from weights.files.storage import PathLike

__all__ = ["ENTRY", "Description", "settle"]


@dataclass(frozen=True)
class Description:
    """The module that tensors are of, and their origin, preprocessing and class names."""

    architecture: str
    config: dict[str, Any]
    source: dict[str, Any] = field(default_factory=dict)
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, file: WeightFile) -> Description:
        """Describe an interchange file; an export of an import keeps the first `source`."""
        found = cls._read(file.architecture, file.config, file.metadata)
        return replace(found, source=dict(found.source.get("original", found.source)))

    @classmethod
    def parse(cls, path: PathLike, text: object) -> Description | None:
        """Read what `to_json` wrote, None where there is none; raises `FormatError`."""
        if text is None:
            return None
        if not isinstance(text, str):
            got = type(text).__name__
            raise FormatError(f"{path}: the {ENTRY} entry must be a string, got {got}")
        found = parse_entry(path, text)
        architecture, config = found.get("architecture"), found.get("config", {})
        if not isinstance(architecture, str) or not isinstance(config, dict):
            raise FormatError(f"{path}: the {ENTRY} entry lacks architecture or config")
        check_annotations(path, found)
        return cls._read(architecture, config, found)

    @classmethod
    def _read(
        cls, architecture: str, config: Mapping[str, Any], about: Mapping[str, Any]
    ) -> Description:
        classes = about.get("classes")
        return cls(
            architecture,
            dict(config),
            dict(about.get("source", {})),
            about.get("preprocess"),
            None if classes is None else tuple(classes),
        )

    def to_json(self) -> str:
        """Return canonical JSON, absent fields left out."""
        fields = {"format_version": PLAIN_VERSION, **vars(self)}
        return canonical_json({key: value for key, value in fields.items() if value}).decode()


def settle(
    path: PathLike, found: Description | None, architecture: str | None, given: dict[str, Any]
) -> Description:
    """Return the whole description: arguments that are `given` win over those found.

    Raises `ImportRefused` where nothing tells the architecture, or two disagree.
    """
    if found is None and architecture is None:
        raise ImportRefused(
            f"{path} does not say which module it is of: name it with --architecture, and its "
            "arguments with --config"
        )
    found = found or Description(str(architecture), {})
    if architecture not in (None, found.architecture):
        raise ImportRefused(
            f"{path} says that it holds a {found.architecture}, got --architecture {architecture}: "
            "leave --architecture out"
        )
    return replace(found, config=found.config | given)
