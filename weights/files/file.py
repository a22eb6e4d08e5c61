"""The interchange file: a safetensors file with one metadata entry (`docs/weights-format.md`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from weights.errors import DigestError, FormatError
from weights.files.digests import canonical_json, content_digest, digests_beside, tensor_digests
from weights.files.loading import check_tensors, refuse_numbers, value_problems
from weights.files.metadata import ENTRY, annotated, parse_metadata
from weights.files.settings import Preprocess
from weights.files.storage import PathLike, read_header, read_safetensors, write_safetensors
from weights.files.writing import check_writable
from weights.modules.configuration import known_tensors
from weights.networks.architectures import Config, configure
from weights.networks.custom import CUSTOM, order_of
from weights.tensors import TensorSpec
from weights.text import listed


@dataclass(frozen=True)
class WeightFile:
    """The contents of an interchange file: a module, its arguments, and its tensors.

    `config` is as `write_file` writes it: complete but for the arguments that a file leaves out at
    their default, which `configure` adds. `tensors` have canonical names and layouts. `metadata` is
    the whole entry of the file. `plan` is the checked configuration, of a file that was read.
    """

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)
    plan: Config | None = field(repr=False, default=None)

    @property
    def checked(self) -> Config:
        """The checked configuration."""
        return self.plan or configure(self.architecture, self.config)


def write_file(
    path: PathLike,
    architecture: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    *,
    source: Mapping[str, Any] | None = None,
    preprocess: Preprocess | None = None,
    classes: Sequence[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an interchange file atomically.

    Args:
        path: the file; it is replaced only with `overwrite`.
        architecture: one of `weights.ARCHITECTURES`, or "custom".
        config: arguments of the architecture; those left out have their defaults. The order of
            the modules of "custom" is that of the network's definition.
        tensors: every tensor of the module, by canonical name and in canonical layout.
        source: the origin of the tensors, as an importer records it.
        preprocess: the settings that make an image the network's input.
        classes: the names of the classes, in the order of the logits.

    Raises `GhostError` where the tensors are not those of the architecture, or where `path` exists
    and `overwrite` is false.
    """
    check_writable(path, overwrite=overwrite)
    checked = configure(architecture, config)
    specs = list(checked.tensors())
    check_tensors(specs, tensors, what=f"cannot write {path}")
    arrays = {spec.name: tensors[spec.name] for spec in specs}
    digests = tensor_digests(arrays)
    whole = checked.to_dict()
    about = annotated(
        architecture=architecture,
        source=source or {},
        preprocess=preprocess,
        classes=classes,
        order=order_of(config, checked) if architecture == CUSTOM else None,
    )
    metadata = {
        **about,
        "config": whole,
        "content_sha256": content_digest(architecture, whole, digests),
        "tensors": {spec.name: {"kind": spec.kind, "sha256": digests[spec.name]} for spec in specs},
    }
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
    return read_for({}, path, allow_invalid=allow_invalid)


def read_for(
    known: Mapping[str, Config], path: PathLike, *, allow_invalid: bool = False
) -> WeightFile:
    """Read a file as `read_file` does; a configuration that is `known` is not made again.

    `known` is by architecture.
    """
    tensors, strings = read_safetensors(path)
    with digests_beside(tensors) as digests:
        metadata = parse_metadata(path, strings)
        architecture, config = metadata["architecture"], metadata["config"]
        checked = known.get(architecture)
        if checked is not None and canonical_json(checked.to_dict()) == canonical_json(config):
            specs = known_tensors(checked)
        else:
            checked = configure(architecture, config)
            # One more than the file holds: a configuration cannot ask for more work than that.
            specs = tuple(islice(checked.tensors(), len(tensors) + 1))
        check_tensors(specs, tensors, what=f"{path} is not a whole {architecture}")
        problems = [] if allow_invalid else value_problems(specs, tensors)
        _check_digests(path, metadata, digests())
    _check_kinds(path, metadata, specs)
    refuse_numbers(problems, str(path))
    ordered = {spec.name: tensors[spec.name] for spec in specs}
    return WeightFile(architecture, checked.to_dict(), ordered, metadata, checked)


def read_metadata(path: PathLike) -> dict[str, Any]:
    """Return the metadata entry alone; neither tensors are read nor digests checked."""
    return parse_metadata(path, read_header(path).metadata)


def _check_kinds(path: PathLike, metadata: Mapping[str, Any], specs: Sequence[TensorSpec]) -> None:
    declared = {name: entry["kind"] for name, entry in metadata["tensors"].items()}
    wrong = sorted(set(declared.items()) ^ {(spec.name, spec.kind) for spec in specs})
    if wrong:
        names = listed(dict.fromkeys(name for name, _ in wrong))
        raise FormatError(f"{path}: the {ENTRY} entry declares other tensors or kinds: {names}")


def _check_digests(path: PathLike, metadata: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    recorded = {name: entry["sha256"] for name, entry in metadata["tensors"].items()}
    changed = sorted(name for name, each in digests.items() if recorded.get(name) != each)
    if changed:
        raise DigestError(f"{path}: damaged tensors (SHA-256 differs): {listed(changed)}")
    content = content_digest(metadata["architecture"], metadata["config"], digests)
    if content != metadata["content_sha256"]:
        raise DigestError(f"{path}: architecture or configuration changed (SHA-256 differs)")
