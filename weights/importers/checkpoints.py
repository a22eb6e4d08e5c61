"""Foreign checkpoints: their tensors as NumPy arrays, and what an export says of its module."""

import re
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
from weights.importers.entries import choose_entry
from weights.importers.files import read_state_dicts
from weights.importers.maps import NameMap
from weights.importers.names import common_prefix, heads, inside
from weights.importers.pickling.state_dicts import EXPORTED

# Torch's counters, and what the profiler thop leaves behind: no weights.
COUNTERS = ("n_averaged", "num_batches_tracked", "total_ops", "total_params")

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

    `dropped` counts what was left out, by what it is; `prefix` stood before every name; `entry`
    held the tensors inside the file, where they were not the file itself, and `beside` are the
    other entries; `renamed` gives the names that stood in the file; `description` is what an
    exporter of this project wrote beside them; `problems` concern the file as a whole.
    """

    path: PathLike
    tensors: Arrays = field(repr=False)
    dropped: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""
    entry: str = ""
    description: Description | None = None
    problems: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict, repr=False)

    def at(self, module: str) -> Self:
        """Return the tensors of the module at a path alone."""
        module = module.removesuffix(".")
        found, others = inside(self.path, self.tensors, module)
        dropped = dict(self.dropped) | ({f"tensors outside {module}": others} if others else {})
        prefix = f"{self.prefix}{module}."
        return replace(self, tensors=found, dropped=dropped, prefix=prefix)

    def mapped(self, names: NameMap) -> Self:
        """Return the tensors under the names that a map gives them."""
        found = names.rename(self.path, self.tensors)
        left = len(self.tensors) - len(found)
        dropped = dict(self.dropped) | ({"tensors that the map leaves out": left} if left else {})
        return replace(self, tensors=found, dropped=dropped)

    def bare(self, starts: re.Pattern[str]) -> Self:
        """Return the tensors without a prefix of all names, and without wrapped classifiers."""
        prefix = common_prefix(list(self.tensors), starts)
        found = {name.removeprefix(prefix): array for name, array in self.tensors.items()}
        wrapped = heads(found)
        tensors = {wrapped.get(name, name): array for name, array in found.items()}
        renamed = {plain: name for name, plain in wrapped.items()}
        return replace(self, tensors=tensors, prefix=self.prefix + prefix, renamed=renamed)


def read_checkpoint(path: PathLike, entry: str | None = None) -> Checkpoint:
    """Read a file of PyTorch, NumPy or safetensors; `entry` of it, if given.

    Raises `FormatError` where it cannot be read, `ImportRefused` where it is no state dict, or
    holds several and none is chosen.
    """
    found = read_state_dicts(path)
    chosen = choose_entry(path, found.entries, entry)
    taken = found.entries[chosen]
    tensors = dict(taken.tensors)
    texts = [str(tensors.pop(name)) for name in (EXPORTED, ENTRY) if name in tensors]
    description = Description.parse(path, texts[0] if texts else None)
    checkpoint = without_counters(path, tensors, chosen)
    others = tuple(name for name in found.entries if name != chosen)
    dropped = dict(checkpoint.dropped) | dict(taken.left)
    return replace(
        checkpoint, dropped=dropped, description=description, beside=(*others, *found.beside)
    )


def without_counters(
    path: PathLike, tensors: Mapping[str, np.ndarray], entry: str = ""
) -> Checkpoint:
    """Take counters out of a state dict."""
    leaves = {name: name.rpartition(".")[2] for name in tensors}
    dropped = Counter(leaf for leaf in leaves.values() if leaf in COUNTERS)
    kept = {name: array for name, array in tensors.items() if leaves[name] not in dropped}
    return Checkpoint(Path(path), kept, dropped, entry=entry)
