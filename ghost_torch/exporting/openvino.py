"""OpenVINO's intermediate representation, by its converter of programs of torch.export."""

import warnings
from pathlib import Path
from typing import Any

from ghost_torch.exporting.interface import exported
from weights.deployment.notes import Notes, write_beside
from weights.deployment.targets import TARGETS


def write_openvino(module: Any, path: Path, notes: Notes) -> None:
    """Write the model in float32, with the notes beside it."""
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(exported(module, notes))
    model.inputs[0].set_names({notes.input})
    model.outputs[0].set_names({notes.output})
    path.mkdir()
    openvino.save_model(model, path / TARGETS["openvino"].member, compress_to_fp16=False)
    write_beside(path, notes)
