"""Loads that are partial on purpose: the tensors that keep the module's own values.

A pattern only permits absence: a tensor that the file has in the module's shape is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from weights.errors import ArgumentError, MismatchError
from weights.files.file import WeightFile
from weights.modules.configuration import known_tensors
from weights.networks.architectures import Config, configure
from weights.tensors import TensorSpec
from weights.text import brief

# Where another way than a change of the module is meant.
WAYS_OUT = {"output_stride": ": from_file(path, output_stride={}) builds the network with that one"}
NOTHING = "`allow_missing` leaves nothing to load, got {}"


@dataclass(frozen=True)
class Selection:
    """The part of a file that goes into a module, and the problems found so far."""

    specs: Sequence[TensorSpec] = field(repr=False)
    tensors: dict[str, np.ndarray] = field(repr=False)
    problems: list[str]


def select(
    file: WeightFile, architecture: str, config: Config, allow_missing: Sequence[str] = ()
) -> Selection:
    """The part of a file that goes into a module of that architecture and configuration.

    Tensors whose names match `allow_missing` (patterns such as `classifier.*`) may be absent or of
    another shape, and fields of the configuration that say nothing but their shape may differ.

    Raises `ArgumentError` for a pattern that matches no tensor, `MismatchError` for another
    architecture.
    """
    if file.architecture != architecture:
        problem = f"the file holds a {file.architecture}, the module is a {architecture}"
        raise MismatchError("cannot load weights", [problem])
    specs = known_tensors(config)
    check_patterns(allow_missing, {*(spec.name for spec in specs), *file.tensors})
    kept = {name for name in _differing(file, specs) if matches(name, allow_missing)}
    loaded = [spec for spec in specs if spec.name not in kept]
    tensors = {name: array for name, array in file.tensors.items() if name not in kept}
    if not loaded:
        raise ArgumentError(NOTHING.format(list(allow_missing)))
    return Selection(loaded, tensors, list(_problems(file, config, kept)))


def differences(file: WeightFile, config: Config) -> Iterator[tuple[str, Any, str]]:
    """The arguments that file and module have otherwise: name, the module's, and what to report."""
    there, here = file.checked.complete(), config.complete()
    for key in sorted({*there, *here}):
        in_file, in_module = there.get(key), here.get(key)
        if in_file != in_module:
            text = f"`{key}` is {in_file!r} in the file and {in_module!r} in the module"
            yield key, in_module, text + WAYS_OUT.get(key, "").format(in_module)


def _problems(file: WeightFile, config: Config, kept: set[str]) -> Iterator[str]:
    for key, in_module, text in differences(file, config):
        shaped = _shaped_by(file, key, in_module)
        if shaped and shaped <= kept:
            continue
        roots = sorted({name.rpartition(".")[0] for name in shaped})
        way_out = f": allow_missing={[f'{root}.*' for root in roots]!r} keeps the module's own"
        yield text + (way_out if 0 < len(roots) < 3 else "")


def _shaped_by(file: WeightFile, key: str, value: Any) -> set[str]:
    """The tensors whose shape would be another with that one argument changed."""
    try:
        changed = configure(file.architecture, {**file.config, key: value})
    except ArgumentError:
        return set()
    return _differing(file, changed.tensors())


def _differing(file: WeightFile, specs: Iterable[TensorSpec]) -> set[str]:
    """The tensors that the file has not, or in another shape, and those that it alone has."""
    wanted = {spec.name: spec.shape for spec in specs}
    found = {name: array.shape for name, array in file.tensors.items()}
    return {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)}


def check_patterns(patterns: Any, names: Collection[str]) -> None:
    """Raise `ArgumentError` for what is no list of patterns, or for one that matches no name."""
    is_list = isinstance(patterns, Collection) and not isinstance(patterns, str)
    if not is_list or not all(isinstance(each, str) for each in patterns):
        raise ArgumentError(f"`allow_missing` must be a list of patterns, got {brief(patterns)}")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ArgumentError(
                f"`allow_missing` must match tensors, got {pattern!r}, which matches none"
            )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a tensor may be absent: one of the patterns is of its name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
