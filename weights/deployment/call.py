"""The call `export` of a framework package.

What exports is imported when it is called: it takes as long as all layers, and few call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from weights.files.storage import PathLike
from weights.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from weights.deployment.export import Exporter
    from weights.deployment.exported import Exported
    from weights.deployment.quantising.quantise import Int8

Size = int | Sequence[int] | Literal["dynamic"]


class ExportCall:
    """The call `export` for the modules of a framework, of which `name` is the short name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def exporter(self) -> Exporter:
        """What exports the framework's modules."""
        exporter: Exporter = FRAMEWORKS[self.name].load("exporting.export").EXPORTER
        return exporter

    def export(
        self,
        module: Any,
        path: PathLike,
        *,
        to: str,
        form: str = "deployed",
        size: Size | None = None,
        layout: str | None = None,
        dtype: str = "float32",
        verify: bool = True,
        images: Sequence[np.ndarray] = (),
        int8: Int8 | None = None,
        overwrite: bool = False,
    ) -> Exported:
        """Write `module` as a runtime takes it, and prove the artefact in that runtime.

        Args:
            module: a layer or network of this package, which stays as it is.
            path: the file or folder to write, which is there afterwards only if it passed.
            to: the runtime's format, a name among `weights.deployment.targets.TARGETS`.
            form: `deployed`, with every batch normalisation inside the convolution before it, or
                `training`, as the module is.
            size: height and width of the input, or "dynamic"; by default dynamic where the format
                can, else the usual ones.
            layout: `nchw` or `nhwc`, of input and output.
            dtype: the type of weights and arithmetic; input and output are float32.
            verify: compare the artefact, read back, with `module` in float64.
            images: inputs (N, C, H, W) of your own, for which the classes must be the same too.
            int8: write an artefact in int8, with these images and by this bound of what is lost.
            overwrite: replace what is there, which is an error otherwise.

        Returns:
            The notes that the artefact carries and its proof, which print as a table.

        Raises `weights.GhostError`, and writes nothing then; `weights.ArtefactError` where the
        artefact computes something else.
        """
        return self.exporter().write(
            module, path, to=to, form=form, size=size, layout=layout, dtype=dtype, verify=verify,
            images=images, int8=int8, overwrite=overwrite,
        )  # fmt: skip
