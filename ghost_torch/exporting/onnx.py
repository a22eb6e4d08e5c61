"""ONNX, by PyTorch's exporter of graphs and the optimiser of onnxscript."""

import logging
import warnings
from pathlib import Path
from typing import Any

import torch

from ghost_torch.exporting.interface import Interface, dynamic_shapes, example
from weights.deployment.notes import ENTRY, Notes
from weights.frameworks import needed


def write_onnx(module: Any, path: Path, notes: Notes) -> None:
    """Write an ONNX model with its tensors inside and the notes among its properties."""
    with needed("ONNX of a PyTorch module", "onnx"):
        import onnx
        import onnxscript  # noqa: F401
    # Which operators of packages that are not used here cannot be exported.
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                Interface(module, notes),
                (example(notes),),
                input_names=[notes.input],
                output_names=[notes.output],
                dynamic_shapes=dynamic_shapes(notes),
                dynamo=True,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    model = program.model_proto
    model.metadata_props.add(key=ENTRY, value=notes.to_json())
    onnx.save(model, path)
