"""Containers: kinds of files that hold canonical tensors in a framework's own layout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weights.files.file import WeightFile
from weights.files.storage import PathLike
from weights.frameworks import FRAMEWORKS, needed
from weights.importers.checkpoints import Checkpoint, Description
from weights.tensors import TensorSpec

Specs = Sequence[TensorSpec]


@dataclass(frozen=True)
class Container:
    """A kind of file, its reader and its writer.

    `name` is the importer's, `exporter` the exporter's. `places` gives the tensors of a module the
    names and shapes that they have in the container; `to_canonical` brings one array into the
    canonical layout. `write` takes the file, the target and whether to overwrite it. `file_types`
    are those that it reads, of `weights.files.file_types`; none for a folder.
    """

    name: str
    exporter: str
    read: Callable[[PathLike], Checkpoint]
    places: Callable[[Description, Specs], Specs]
    to_canonical: Callable[[np.ndarray, TensorSpec], np.ndarray]
    write: Callable[[WeightFile, PathLike, bool], None]
    file_types: tuple[str, ...] = ()


def native(framework: str, what: str) -> Any:
    """Load the module of a framework's package that knows the framework's own files.

    Raises `GhostError` where the framework is not installed.
    """
    with needed(what, framework):
        return FRAMEWORKS[framework].load("native")
