"""The oracle, in whose process its actor ends: once for each case of one size, or always."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weights import GhostConvConfig


class Layer:
    """An identity that is no right answer, for who ends before it is asked."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x


def _end_actor() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def once(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
    """End the actor the first time that this is asked for."""
    mark = Path(tempfile.gettempdir(), os.environ["GHOST_MARK"])
    if not mark.exists():
        mark.touch()
        _end_actor()
    return Layer()


def always(architecture: str, config: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
    """End the actor whenever this has a stride, as each such case does."""
    if GhostConvConfig(**config).stride not in (1, (1, 1)):
        _end_actor()
    return Layer()
