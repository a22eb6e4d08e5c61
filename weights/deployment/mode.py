"""Artefacts as the conformance suite plugs them in."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weights.columns.adapter import Build, ModuleAdapter
from weights.deployment.artefacts import open_artefact
from weights.deployment.export import Exporter
from weights.deployment.runtime import Runtime
from weights.deployment.targets import target_named
from weights.files.storage import PathLike


def mode(exporter: Exporter, adapter: type[ModuleAdapter], to: str) -> Build:
    """The implementation whose modules are exported to a target when they are first called.

    Args:
        exporter: of the framework.
        adapter: of the same, which holds the module itself.
        to: the name of the target.
    """

    class ArtefactAdapter(adapter):  # type: ignore[valid-type, misc]
        """One built module that runs as an artefact; inference only."""

        runtime: Runtime | None = None
        taps = None
        train_step = None

        def __call__(self, x: np.ndarray) -> np.ndarray:
            if self.runtime is None:
                self.runtime = opened(exporter, self.module, to)
            return self.runtime.run(x)

        def load(self, path: PathLike) -> None:
            self.runtime = None
            super().load(path)

    def build(
        architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]
    ) -> ModuleAdapter:
        return ArtefactAdapter.build(architecture, config, weights)

    build.__doc__ = target_named(to).summary
    return build


def opened(exporter: Exporter, module: Any, to: str) -> Runtime:
    """An artefact of `module` as it is, in its runtime; nothing stays on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"artefact{target_named(to).suffix}")
        exporter.export(module, path, to=to, form="training", verify=False)
        return open_artefact(path)
