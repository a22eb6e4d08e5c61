"""Programs that PyTorch runs, however they are stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.notes import Notes
from weights.deployment.runtime import Runtime
from weights.errors import FormatError
from weights.frameworks import needed
from weights.text import brief


def open_program(
    path: Path, notes: Notes, what: str, load: Callable[[Any], Any], threads: int | None
) -> Runtime:
    """Open the program that `load` makes of PyTorch; `what` it is, in words.

    PyTorch's own number of threads is set for the whole process.
    """
    with needed(what, "torch"):
        import torch
    if threads:
        torch.set_num_threads(threads)
    try:
        program = load(torch)
    except Exception as error:  # whatever a damaged archive leads it to
        raise FormatError(f"{path}: PyTorch cannot load it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return program(torch.from_numpy(x)).numpy()

    return Runtime(notes, call)
