"""OpenVINO's intermediate representation, run by OpenVINO on a CPU."""

from pathlib import Path

import numpy as np

from weights.deployment.notes import Notes, read_beside
from weights.deployment.runtime import Runtime
from weights.deployment.targets import TARGETS
from weights.errors import FormatError
from weights.frameworks import needed
from weights.text import brief


def read_notes(path: Path) -> Notes:
    """Return the notes beside the model; nothing is run."""
    return read_beside(path)


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the model, in float32: where a processor has bfloat16, OpenVINO takes that unasked."""
    notes = read_notes(path)
    with needed("OpenVINO", "openvino"):
        import openvino
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads or 0}
    core = openvino.Core()
    try:
        model = core.read_model(path / TARGETS["openvino"].member)
        compiled = core.compile_model(model, "CPU", hints)
    except RuntimeError as error:
        raise FormatError(f"{path}: OpenVINO cannot open it: {brief(str(error))}") from None

    def call(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = compiled(x)[0]
        return found.copy()  # the next call writes into it

    return Runtime(notes, call)
