"""OpenVINO's intermediate representation, by its converter of programs of torch.export."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ghost_torch.exporting.interface import exported
from weights.deployment.notes import Notes, write_beside
from weights.deployment.targets import TARGETS


def write_openvino(module: Any, path: Path, notes: Notes) -> None:
    """Write the model with the notes beside it; it computes in float32 whatever it stores."""
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(exported(module, replace(notes, dtype="float32")))
    model.inputs[0].set_names({notes.input})
    model.outputs[0].set_names({notes.output})
    path.mkdir()
    is_half = notes.dtype == "float16"
    openvino.save_model(model, path / TARGETS["openvino"].member, compress_to_fp16=is_half)
    write_beside(path, notes)
