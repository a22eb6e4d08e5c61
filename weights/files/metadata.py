"""The metadata entry of an interchange file, checked field by field."""

import hashlib
import re
import warnings
from collections.abc import Mapping
from typing import Any

from weights import strict_json
from weights.errors import ArgumentError, DigestError, FormatError, FormatWarning
from weights.files.digests import canonical_json
from weights.files.settings import check_settings
from weights.files.storage import PathLike
from weights.limits import CHANNELS
from weights.networks.custom import CUSTOM
from weights.text import MOST_CHARACTERS, brief, listed, printable

ENTRY = "ghost_weights"
# The newest version that is read, and the version of files that need nothing newer.
FORMAT_VERSION, PLAIN_VERSION = "1.1", "1.0"
VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
REQUIRED = {
    "architecture": str,
    "config": dict,
    "content_sha256": str,
    "format_version": str,
    "tensors": dict,
}
# Annotations: the origin of the tensors, their preprocessing, the names of classes, and the order
# in which a user's network defines its modules.
ANNOTATIONS, DIGEST = ("classes", "order", "preprocess", "source"), "about_sha256"


def annotations_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations in a file's metadata; an empty `source` is none."""
    return {key: metadata[key] for key in ANNOTATIONS if key in metadata and metadata[key] != {}}


def about_digest(metadata: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a file's annotations.

    >>> about_digest({"source": {"importer": "seed"}, "classes": ["cat"]})[:16]
    '8cb7e25002572f30'
    """
    return hashlib.sha256(canonical_json(annotations_of(metadata))).hexdigest()


def check_about(metadata: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` for an annotation of a wrong type."""
    source, classes = metadata.get("source", {}), metadata.get("classes", [])
    # The first origin, of tensors that were exported and imported again.
    original = source.get("original", {}) if isinstance(source, Mapping) else {}
    for name, value in (("source", source), ("source.original", original)):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ArgumentError(f"`{name}` must be an object, got {brief(value)}")
    is_list = isinstance(classes, list | tuple) and len(classes) <= CHANNELS.value
    if not is_list or not all(isinstance(name, str) for name in classes):
        raise ArgumentError(f"`classes` must be a list of names, got {brief(classes)}")
    order = metadata.get("order", [])
    if not isinstance(order, list) or not all(isinstance(path, str) for path in order):
        raise ArgumentError(f"`order` must be a list of paths, got {brief(order)}")
    if "preprocess" in metadata:
        check_settings(metadata["preprocess"])
    try:
        canonical_json(annotations_of(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"`source` must be JSON: {error}") from None


def annotated(*, architecture: str, **annotations: Any) -> dict[str, Any]:
    """Return annotations, checked, with their digest and the version of the format they need."""
    given = {key: value for key, value in annotations.items() if value is not None}
    check_about(given)
    digest = {DIGEST: about_digest(given)} if annotations_of(given) else {}
    version = FORMAT_VERSION if digest or architecture == CUSTOM else PLAIN_VERSION
    # Not the package's version: the same weights give the same bytes across releases.
    producer = {"name": "ghostconv", "format_code": version}
    needed = {"architecture": architecture, "format_version": version, "producer": producer}
    return {**given, **digest, **needed}


def parse_metadata(path: PathLike, strings: Mapping[str, str]) -> dict[str, Any]:
    """Read the metadata entry among the strings of a safetensors file; raises `FormatError`."""
    if ENTRY not in strings:
        raise FormatError(
            f"{path} is a safetensors file, but not an interchange file (it has no {ENTRY} entry): "
            "use `ghost-weights import`"
        )
    metadata = parse_entry(path, strings[ENTRY])
    _check_fields(path, metadata)
    check_annotations(path, metadata)
    _check_about_digest(path, metadata)
    return metadata


def parse_entry(path: PathLike, text: str) -> dict[str, Any]:
    """Read the JSON object of an entry of this project, of a known version of the format."""
    metadata = strict_json.loads(text, f"{path}: the {ENTRY} entry")
    metadata = metadata if isinstance(metadata, dict) else {}
    # The version is checked first: another one may have other fields.
    check_version(path, metadata.get("format_version", FORMAT_VERSION))
    return metadata


def check_annotations(path: PathLike, metadata: Mapping[str, Any]) -> None:
    """Raise `FormatError` for an annotation of a wrong type."""
    try:
        check_about(metadata)
    except ArgumentError as error:
        raise FormatError(f"{path}: {error}") from None


def _check_about_digest(path: PathLike, metadata: Mapping[str, Any]) -> None:
    # Files of 1.0 have no digest of annotations, nor have files without any.
    is_plain = metadata["format_version"] == PLAIN_VERSION or not annotations_of(metadata)
    is_absent = DIGEST not in metadata and is_plain
    if not is_absent and metadata.get(DIGEST) != about_digest(metadata):
        raise DigestError(f"{path}: preprocess, classes, order or source changed (SHA-256 differs)")


def _check_fields(path: PathLike, metadata: Mapping[str, Any]) -> None:
    missing = [key for key, kind in REQUIRED.items() if not isinstance(metadata.get(key), kind)]
    if missing:
        raise FormatError(f"{path}: the {ENTRY} entry lacks {', '.join(missing)}")
    wrong = [name for name, entry in metadata["tensors"].items() if not _is_tensor_entry(entry)]
    if wrong:
        names = listed(wrong)
        raise FormatError(f"{path}: the {ENTRY} entry lacks kind or sha256 of the tensors {names}")


def _is_tensor_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("kind"), str)
        and isinstance(entry.get("sha256"), str)
    )


def check_version(path: PathLike, version: object) -> None:
    """Raise `FormatError` for a format of another major version, warn of a newer minor one."""
    found = VERSION.fullmatch(version) if isinstance(version, str) else None
    major, minor = map(int, FORMAT_VERSION.split("."))
    if found is None or int(found[1]) != major:
        shown_version = version if isinstance(version, str) else brief(version)
        raise FormatError(
            f"{path} has format version {shown_version[:MOST_CHARACTERS]}, this package reads "
            f"{FORMAT_VERSION}: install a newer ghostconv"
        )
    if int(found[2]) > minor:
        warnings.warn(
            f"{printable(str(path))} has format version {version}, this package knows "
            f"{FORMAT_VERSION}: what is new in it is not looked at",
            FormatWarning,
            stacklevel=2,
        )
