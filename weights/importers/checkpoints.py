"""Foreign checkpoints: their tensors as NumPy arrays, and what an export says of its module."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files.digests import canonical_json
from weights.files.file import WeightFile
from weights.files.metadata import ENTRY as ENTRY
from weights.files.metadata import PLAIN_VERSION, check_annotations, parse_entry
from weights.files.settings import Preprocess
from weights.files.storage import PathLike
from weights.importers.files import EXPORTED, read_state_dicts

# Torch's counter, and what the profiler thop leaves behind: no weights.
COUNTERS = ("num_batches_tracked", "total_ops", "total_params")
# What torch.nn.DataParallel, torch.compile and training scripts put before every name.
WRAPPERS = ("module.", "_orig_mod.", "model.", "backbone.")

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Description:
    """The module that tensors are of, and their origin, preprocessing and class names.

    An export has it beside its tensors, as JSON under one name.
    """

    architecture: str
    config: dict[str, Any]
    source: dict[str, Any] = field(default_factory=dict)
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, file: WeightFile) -> Self:
        """Describe an interchange file; an export of an import keeps the first `source`."""
        found = cls._read(file.architecture, file.config, file.metadata)
        return replace(found, source=dict(found.source.get("original", found.source)))

    @classmethod
    def parse(cls, path: PathLike, text: object) -> Self | None:
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
    def _read(cls, architecture: str, config: Mapping[str, Any], about: Mapping[str, Any]) -> Self:
        source, classes = dict(about.get("source", {})), about.get("classes")
        names = None if classes is None else tuple(classes)
        return cls(architecture, dict(config), source, about.get("preprocess"), names)

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


@dataclass(frozen=True)
class Checkpoint:
    """Tensors under their foreign names and in their foreign layout, and their surroundings.

    `dropped` counts the tensors left out, by what they are; `prefix` stood before every name;
    `entry` held the tensors inside the file, where they were not the file itself; `description` is
    what an exporter of this project wrote beside them; `problems` concern the file as a whole.
    """

    path: PathLike
    tensors: Arrays = field(repr=False)
    dropped: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""
    entry: str = ""
    description: Description | None = None
    problems: tuple[str, ...] = ()


def read_checkpoint(path: PathLike, entry: str | None = None) -> Checkpoint:
    """Read a file of PyTorch, NumPy or safetensors; `entry` of it, if given.

    Raises `FormatError` where it cannot be read, `ImportRefused` where it is no state dict, or
    holds several and none is chosen.
    """
    entries = read_state_dicts(path)
    chosen = choose_entry(path, entries, entry)
    tensors = entries[chosen]
    texts = [str(tensors.pop(name)) for name in (EXPORTED, ENTRY) if name in tensors]
    description = Description.parse(path, texts[0] if texts else None)
    return replace(unwrap(path, tensors, chosen), description=description)


def choose_entry(path: PathLike, entries: Mapping[str, Any], entry: str | None) -> str:
    """Return the name of the state dict to take; a file that is one itself has it under ''."""
    if entry is not None and entry not in entries:
        known = ", ".join(repr(name) for name in entries if name) or "none"
        raise ImportRefused(f"{path} must have the entry {entry!r} asked for, its entries: {known}")
    if entry is not None:
        return entry
    if len(entries) == 1:
        return next(iter(entries))
    if not entries:
        raise ImportRefused(
            f"{path} must hold one state dict (names to tensors), itself or in one entry, got "
            "none: save module.state_dict()"
        )
    names = ", ".join(f"{name} (averaged)" if "ema" in name else name for name in entries)
    raise ImportRefused(
        f"{path} holds several state dicts: {names}; choose one with --entry NAME: averaged "
        "weights are usually the better ones"
    )


def strip_wrappers(names: list[str]) -> str:
    """Return the prefix of wrappers that all names share.

    >>> strip_wrappers(["module._orig_mod.bn1.weight", "module._orig_mod.bn1.bias"])
    'module._orig_mod.'
    """
    for wrapper in WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return wrapper + strip_wrappers([name.removeprefix(wrapper) for name in names])
    return ""


def unwrap(path: PathLike, tensors: Mapping[str, np.ndarray], entry: str = "") -> Checkpoint:
    """Take counters and the prefixes of wrappers off the names of a state dict."""
    leaves = {name: name.rpartition(".")[2] for name in tensors}
    dropped = Counter(leaf for leaf in leaves.values() if leaf in COUNTERS)
    kept = {name: array for name, array in tensors.items() if leaves[name] not in dropped}
    prefix = strip_wrappers(list(kept))
    bare = {name.removeprefix(prefix): array for name, array in kept.items()}
    return Checkpoint(Path(path), bare, dropped, prefix, entry)
