"""Converted checkpoints: canonical tensors, and the record of where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weights.files.file import write_file
from weights.files.settings import Preprocess
from weights.files.storage import PathLike


@dataclass(frozen=True)
class Imported:
    """A converted checkpoint: canonical names and layouts, ready to be written.

    `source` records the importer and what was dropped and assumed.
    """

    architecture: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(repr=False)
    source: dict[str, Any]
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None

    def with_preprocess(self, settings: Preprocess) -> Imported:
        """Return the same with the settings of an image, which are then no assumption."""
        assumed = {key: x for key, x in self.source["assumed"].items() if key != "preprocess"}
        source = self.source | {"assumed": assumed}
        return replace(self, preprocess=settings.copy(), source=source)


def write(imported: Imported, path: PathLike, *, overwrite: bool = False) -> None:
    """Write the interchange file of a converted checkpoint."""
    write_file(
        path,
        imported.architecture,
        imported.config,
        imported.tensors,
        source=imported.source,
        preprocess=imported.preprocess,
        classes=imported.classes,
        overwrite=overwrite,
    )
