"""What a container is: a kind of file that holds canonical tensors in a framework's own layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from weights.errors import GhostError
from weights.files.file import WeightFile
from weights.files.storage import PathLike
from weights.importers.description import Description
from weights.tensors import TensorSpec

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Contents:
    """What was read from a container: arrays under the container's names and in its layout.

    `description` is what the file says of itself, if it does; `dropped` counts what is no weight;
    `prefix` stood before every name; `entry` is the part of the file that was taken; `problems` are
    what is wrong with the file as a whole.
    """

    arrays: Arrays = field(repr=False)
    description: Description | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""
    problems: tuple[str, ...] = ()
    entry: str = ""


@dataclass(frozen=True)
class Place:
    """Where a container has a canonical tensor: its name there, and its shape in that layout."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Container:
    """A kind of file, what reads it and what writes it.

    `name` is the importer's, `exporter` the exporter's. `places` says where each tensor of a
    module is, by canonical name; `to_canonical` brings one array into the canonical layout.
    `write` takes the file, the target and whether to overwrite it. `kinds` are those of the files
    that it reads, by `weights.files.kinds`; none for a folder.
    """

    name: str
    exporter: str
    read: Callable[[PathLike], Contents]
    places: Callable[[Description], Mapping[str, Place]]
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray]
    write: Callable[[WeightFile, PathLike, bool], None]
    kinds: tuple[str, ...] = ()


@contextmanager
def needed(what: str, extra: str) -> Iterator[None]:
    """Turn a missing library into a `GhostError` that says how to install it."""
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise GhostError(
            f"{what} needs {missing}, which is not installed: pip install 'ghostconv[{extra}]'"
        ) from None


def native(package: str, what: str, extra: str) -> Any:
    """What a framework package says of its framework's own files; loaded by name, as adapters are.

    Raises `GhostError` where the framework is not installed.
    """
    with needed(what, extra):
        return import_module(f"{package}.native")
