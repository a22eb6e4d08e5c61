"""From foreign checkpoints to the interchange format and back.

An importer reads the module out of names and shapes, or out of what the file says of itself; it
assumes what no tensor tells, and records both: nothing is converted that could mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weights.checks import choice
from weights.files.settings import check_settings
from weights.files.storage import PathLike
from weights.importers.containers import import_container
from weights.importers.converting import import_state_dict
from weights.importers.exporting import export_file, export_tensors
from weights.importers.imported import Imported, write
from weights.importers.registry import CONTAINERS, EXPORTERS, IMPORTERS

__all__ = [
    "CONTAINERS",
    "EXPORTERS",
    "IMPORTERS",
    "Imported",
    "export_file",
    "export_tensors",
    "import_file",
    "write",
]


def import_file(
    source: PathLike,
    importer: str,
    architecture: str | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    assume_preprocess: bool = True,
    entry: str | None = None,
    gate: str | None = None,
    preprocess: Mapping[str, Any] | None = None,
) -> Imported:
    """Convert a foreign checkpoint.

    `config` and `preprocess` win over what the file tells and what is assumed. With
    `assume_preprocess` a network for CIFAR of 10 classes and 3 channels gets the input scaling and
    the class names of CIFAR-10, a GhostNet of 1,000 classes the preprocessing of ImageNet. `entry`
    is the state dict to take where a file holds several, `gate` that of its squeeze-and-excitation
    where it is not the importer's usual.

    Raises `ImportRefused` where the checkpoint is no such thing, `MismatchError` with every name
    and shape that is wrong, `FormatError` where the file cannot be read.
    """
    name = choice("importer", importer, (*IMPORTERS, *CONTAINERS))
    given, settings = dict(config or {}), None if preprocess is None else dict(preprocess)
    if settings is not None:
        check_settings(settings)
    if name in CONTAINERS:
        options = {"entry": entry, "gate": gate}
        imported = import_container(CONTAINERS[name], source, architecture, given, options)
    else:
        rules = IMPORTERS[name]
        imported = import_state_dict(
            rules, source, architecture, given, assume_preprocess, entry, gate
        )
    return imported if settings is None else _with_preprocess(imported, settings)


def _with_preprocess(imported: Imported, settings: dict[str, Any]) -> Imported:
    assumed = {key: x for key, x in imported.source["assumed"].items() if key != "preprocess"}
    source = imported.source | {"assumed": assumed}
    return replace(imported, preprocess=settings, source=source)
