"""Artefacts as the conformance suite plugs them in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from weights.columns.adapter import Build, ModuleAdapter
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
                self.runtime = exporter.opened(self.module, to, "dynamic")
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
