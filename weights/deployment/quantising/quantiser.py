"""The protocol of the runtimes' quantisers, and the stages that may stay in float."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import numpy as np

from weights.deployment.inventory import Inventory
from weights.deployment.notes import Notes

# The first part of a path that is no number, and the numbers right after it.
STAGE = re.compile(r"[^.]+(\.\d+)*")

# What the writers of the artefacts in float call the network inside their interface.
WRAPPER = "module."


def stage_of(path: str) -> str:
    """Return the stage of a network that a module or tensor belongs to.

    >>> stage_of("blocks.0.1.ghost1.primary_conv.0.weight"), stage_of("conv_stem.weight")
    ('blocks.0.1', 'conv_stem')
    """
    found = STAGE.match(path.removeprefix(WRAPPER))
    return found[0] if found else path


class Quantiser(Protocol):
    """A file of this room for each runtime."""

    SOURCE: str  # the target whose artefact in float is read
    TRIED: str  # the target in which stages are ranked: its own, or one that is written sooner

    def stages(self, source: Path) -> list[str]:
        """The stages with convolutions or products of matrices, from the input to the output."""

    def quantise(
        self, source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]
    ) -> None:
        """Write an artefact in int8.

        Args:
            source: the artefact in float, beside which files may be kept for the next call.
            path: where to write.
            notes: what it is to carry.
            x: (N, C, H, W), the images that set the ranges.
            kept: the stages that stay in float.
        """

    def inventory(self, path: Path) -> Inventory:
        """The tensors that an artefact stores."""
