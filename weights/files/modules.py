"""Files of networks of which each module is told by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weights.files.file import write_file
from weights.files.storage import PathLike
from weights.networks.custom import CUSTOM
from weights.tensors import joined


@dataclass(frozen=True)
class FileModule:
    """A module of a user's network: its path, its kind, the arguments of that, and its tensors.

    `kind` is an architecture or an ordinary layer (`docs/weights-format.md`), `tensors` are by
    their names in the module and in canonical layout.
    """

    path: str
    kind: str
    config: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray] = field(repr=False)


def write_modules(
    path: PathLike, modules: Iterable[FileModule], *, overwrite: bool = False, **annotations: Any
) -> None:
    """Write a file of architecture `custom` atomically.

    Args:
        path: the file; it is replaced only with `overwrite`.
        modules: every module, in the order of the network's definition.
        overwrite: replace a file that is there, which is an error otherwise.
        annotations: `source`, `preprocess` and `classes` as in `write_file`.

    Raises `GhostError` where the tensors are not those of the modules, and writes nothing then.
    """
    config, tensors = gathered(modules)
    write_file(path, CUSTOM, config, tensors, overwrite=overwrite, **annotations)


def gathered(modules: Iterable[FileModule]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the configuration of a network of modules, and its tensors by whole names."""
    listed = list(modules)
    entries = [{"path": m.path, "kind": m.kind, "config": m.config} for m in listed]
    tensors = {joined(m.path, name): array for m in listed for name, array in m.tensors.items()}
    return {"modules": entries}, tensors
