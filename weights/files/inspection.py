"""The contents of an interchange file, told from its header alone."""

from collections.abc import Mapping, Set
from itertools import islice
from math import prod
from typing import Any

from weights.errors import ArgumentError, FormatError
from weights.files.header import Entry
from weights.files.metadata import parse_metadata
from weights.files.storage import PathLike, read_header
from weights.networks.architectures import configure
from weights.tensors import STATISTICS, fit
from weights.text import listed

FACTS = ("architecture", "format_version", "content_sha256", "producer", "source", "config")
OPTIONAL_FACTS = ("preprocess", "classes")


def inspect_file(path: PathLike) -> dict[str, Any]:
    """Return the contents of a file as a JSON document; no tensor is read, no digest checked.

    Raises `FormatError` where it is no interchange file, or names other tensors than it holds.
    """
    header = read_header(path)
    metadata = parse_metadata(path, header.metadata)
    stored = {entry.name: entry for entry in header.entries}
    _check_names(path, metadata["tensors"], stored)
    facts = {name: metadata.get(name) for name in FACTS}
    facts |= {name: metadata[name] for name in OPTIONAL_FACTS if name in metadata}
    tensors = {name: _tensor(metadata["tensors"][name], stored[name]) for name in stored}
    counts = {
        "parameters": count_parameters(tensors),
        "multiply_accumulates": _macs(metadata, set(stored)),
    }
    return facts | {"tensors": tensors} | counts


def count_parameters(tensors: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Count the numbers that training changes, and the running statistics.

    >>> count_parameters({"running_mean": {"kind": "running_mean", "shape": [8]}})
    {'trainable': 0, 'statistics': 8}
    """
    counts = {"trainable": 0, "statistics": 0}
    for each in tensors.values():
        counts["statistics" if each["kind"] in STATISTICS else "trainable"] += prod(each["shape"])
    return counts


def _macs(metadata: Mapping[str, Any], stored: Set[str]) -> dict[str, Any] | None:
    """Count the multiply-accumulates for one image of the usual size.

    None where the configuration does not describe the stored tensors, and for an architecture of a
    newer version.
    """
    architecture, config = metadata["architecture"], metadata["config"]
    try:
        module = configure(architecture, config)
        size = module.default_size
        described = {spec.name for spec in islice(module.tensors(), len(stored) + 1)}
        if described != stored or not fit(module.tensors_at(size)):
            return None
        return {"count": module.macs(*size), "size": list(size)}
    except ArgumentError:
        return None


def _check_names(path: PathLike, described: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    differing = sorted(described.keys() ^ stored.keys())
    if differing:
        raise FormatError(
            f"{path}: these tensors are described but not stored, or stored but not described: "
            f"{listed(differing)}"
        )


def _tensor(described: Mapping[str, Any], stored: Entry) -> dict[str, Any]:
    return {
        "kind": described["kind"],
        "dtype": stored.dtype,
        "shape": list(stored.shape),
        "sha256": described["sha256"],
    }
