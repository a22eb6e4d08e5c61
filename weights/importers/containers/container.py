"""Containers: kinds of files that hold canonical tensors in a framework's own layout."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.errors import GhostError
from weights.files.file import WeightFile
from weights.files.storage import PathLike
from weights.frameworks import FRAMEWORKS
from weights.importers.checkpoints import Checkpoint
from weights.importers.description import Description
from weights.tensors import TensorSpec


@dataclass(frozen=True)
class Place:
    """The name and shape of a canonical tensor inside a container."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Container:
    """A kind of file, its reader and its writer.

    `name` is the importer's, `exporter` the exporter's. `places` finds each tensor of a module, by
    canonical name; `to_canonical` brings one array into the canonical layout. `write` takes the
    file, the target and whether to overwrite it. `file_types` are those that it reads, of
    `weights.files.file_types`; none for a folder.
    """

    name: str
    exporter: str
    read: Callable[[PathLike], Checkpoint]
    places: Callable[[Description], Mapping[str, Place]]
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray]
    write: Callable[[WeightFile, PathLike, bool], None]
    file_types: tuple[str, ...] = ()


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


def native(framework: str, what: str) -> Any:
    """Load the module of a framework's package that knows the framework's own files.

    Raises `GhostError` where the framework is not installed.
    """
    with needed(what, framework):
        return FRAMEWORKS[framework].load("native")
