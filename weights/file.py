"""The interchange file: a safetensors file with one metadata entry (`docs/weights-format.md`)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from weights.architectures import configure
from weights.digests import canonical_json, content_digest, tensor_digests
from weights.errors import DigestError, FormatError, FormatWarning
from weights.loading import check_tensors
from weights.storage import PathLike, read_header, read_safetensors, write_safetensors
from weights.tensors import TensorSpec
from weights.values import value_problems
from weights.writing import check_writable

ENTRY = "ghost_weights"
FORMAT_VERSION = "1.0"
# Not the package's version: the same weights give the same bytes across releases.
PRODUCER = {"name": "ghostconv", "format_code": "1.0"}
REQUIRED = {
    "architecture": str,
    "config": dict,
    "content_sha256": str,
    "format_version": str,
    "tensors": dict,
}


@dataclass(frozen=True)
class WeightFile:
    """What an interchange file holds: which module, with which arguments, and its tensors.

    `config` is complete: where the file leaves an argument out, it has its default. `tensors` have
    canonical names and layouts. `metadata` is the whole entry, as it stands in the file.
    """

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)


def write_file(
    path: PathLike,
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    *,
    source: Mapping[str, Any] | None = None,
    preprocess: Mapping[str, Any] | None = None,
    classes: Sequence[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an interchange file atomically.

    Raises `GhostError` where the tensors are not those of the architecture, or where `path` exists
    and `overwrite` is false.
    """
    check_writable(path, overwrite=overwrite)
    checked = configure(architecture, config)
    specs = list(checked.tensors())
    check_tensors(specs, tensors, what=f"cannot write {path}")
    digests = tensor_digests({spec.name: tensors[spec.name] for spec in specs})
    metadata = {
        "architecture": architecture,
        "config": checked.to_dict(),
        "content_sha256": content_digest(architecture, checked.to_dict(), digests),
        "format_version": FORMAT_VERSION,
        "producer": PRODUCER,
        "source": dict(source or {}),
        "tensors": {spec.name: {"kind": spec.kind, "sha256": digests[spec.name]} for spec in specs},
    }
    if preprocess is not None:
        metadata["preprocess"] = dict(preprocess)
    if classes is not None:
        metadata["classes"] = list(classes)
    arrays = {spec.name: tensors[spec.name] for spec in specs}
    entry = {ENTRY: canonical_json(metadata).decode()}
    write_safetensors(path, arrays, entry, overwrite=overwrite)


def read_file(path: PathLike, *, allow_invalid: bool = False) -> WeightFile:
    """Read an interchange file, checking every digest and every number.

    Numbers that no trained module has, not finite or a negative variance, are an error unless
    `allow_invalid` asks for them.

    Raises `FormatError` for anything that is not such a file, `DigestError`, naming the tensors,
    where the bytes are not those that were written, `MismatchError` where tensors and architecture
    do not agree.
    """
    tensors, strings = read_safetensors(path)
    metadata = parse_metadata(path, strings)
    architecture = metadata["architecture"]
    checked = configure(architecture, metadata["config"])
    # One more than the file holds, so that a configuration cannot ask for more work than that.
    specs = list(islice(checked.tensors(), len(tensors) + 1))
    check_tensors(specs, tensors, what=f"{path} is not a whole {architecture}")
    _check_digests(path, metadata, tensors)
    _check_kinds(path, metadata, specs)
    problems = [] if allow_invalid else list(value_problems(specs, tensors))
    if problems:
        raise FormatError(f"{path}: {'; '.join(problems)}: pass allow_invalid=True to take it")
    ordered = {spec.name: tensors[spec.name] for spec in specs}
    return WeightFile(architecture, checked.to_dict(), ordered, metadata)


def read_metadata(path: PathLike) -> dict[str, Any]:
    """The metadata entry alone: reads the header, not the tensors, and checks no digest."""
    return parse_metadata(path, read_header(path).metadata)


def parse_metadata(path: PathLike, strings: Mapping[str, str]) -> dict[str, Any]:
    """The metadata entry among the strings of a safetensors file."""
    if ENTRY not in strings:
        raise FormatError(
            f"{path} is a safetensors file, but not an interchange file (it has no {ENTRY} entry): "
            "use `ghost-weights import`"
        )
    try:
        metadata = json.loads(strings[ENTRY])
    except (ValueError, RecursionError):
        raise FormatError(f"{path}: the {ENTRY} entry is not JSON") from None
    metadata = metadata if isinstance(metadata, dict) else {}
    # The version first: another one may have other fields.
    check_version(path, str(metadata.get("format_version", FORMAT_VERSION)))
    _check_fields(path, metadata)
    return metadata


def _check_fields(path: PathLike, metadata: Mapping[str, Any]) -> None:
    missing = [key for key, kind in REQUIRED.items() if not isinstance(metadata.get(key), kind)]
    if missing:
        raise FormatError(f"{path}: the {ENTRY} entry lacks {', '.join(missing)}")
    wrong = [name for name, entry in metadata["tensors"].items() if not _is_tensor_entry(entry)]
    if wrong:
        raise FormatError(
            f"{path}: the {ENTRY} entry lacks kind or sha256 of the tensors {', '.join(wrong)}"
        )


def _is_tensor_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) for key in ("kind", "sha256")
    )


def check_version(path: PathLike, version: str) -> None:
    """Raise `FormatError` for a format of another major version."""
    if version == FORMAT_VERSION:
        return
    major, _, minor = version.partition(".")
    if major != FORMAT_VERSION.partition(".")[0] or not minor.isdecimal():
        raise FormatError(
            f"{path} has format version {version}, this package reads {FORMAT_VERSION}: "
            "install a newer ghostconv"
        )
    warnings.warn(
        f"{path} has format version {version}, this package knows {FORMAT_VERSION}: what is new "
        "in it is not looked at",
        FormatWarning,
        stacklevel=2,
    )


def _check_kinds(path: PathLike, metadata: Mapping[str, Any], specs: Sequence[TensorSpec]) -> None:
    declared = {name: entry["kind"] for name, entry in metadata["tensors"].items()}
    wrong = sorted(set(declared.items()) ^ {(spec.name, spec.kind) for spec in specs})
    if wrong:
        names = ", ".join(dict.fromkeys(name for name, _ in wrong))
        raise FormatError(f"{path}: the {ENTRY} entry declares other tensors or kinds: {names}")


def _check_digests(
    path: PathLike, metadata: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    recorded = {name: entry["sha256"] for name, entry in metadata["tensors"].items()}
    digests = tensor_digests(tensors)
    changed = sorted(name for name in digests if recorded.get(name) != digests[name])
    if changed:
        raise DigestError(f"{path}: damaged tensors (SHA-256 differs): {', '.join(changed)}")
    content = content_digest(metadata["architecture"], metadata["config"], digests)
    if content != metadata["content_sha256"]:
        raise DigestError(f"{path}: architecture or configuration changed (SHA-256 differs)")
