"""ONNX, by jax2onnx."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ghost_jax.exporting.interface import interface
from weights.deployment.notes import ENTRY, Notes
from weights.errors import ArgumentError
from weights.frameworks import needed


def write_onnx(module: Any, path: Path, notes: Notes) -> None:
    """Write an ONNX model with its tensors inside and the notes among its properties."""
    if notes.dtype != "float32":
        raise ArgumentError(
            f"`dtype` of onnx must be float32 for a Flax module, got {notes.dtype!r}, of which "
            "jax2onnx makes a graph of mixed types: export it from PyTorch or Keras"
        )
    with needed("ONNX of a Flax module", "jax-onnx"):
        import jax2onnx
        import onnx
    height, width = notes.size or ("height", "width")
    channels = notes.plan.input_channels
    sizes = (channels, height, width) if notes.layout == "nchw" else (height, width, channels)
    # It knows XLA's own convolutions alone.
    call = interface(module, notes, native_convolutions=True)
    with _quiet("jax2onnx"), _quiet("onnx_ir"):
        model: Any = jax2onnx.to_onnx(
            call,
            [(notes.batch or "batch", *sizes)],
            input_names=[notes.input],
            output_names=[notes.output],
        )
    model.metadata_props.add(key=ENTRY, value=notes.to_json())
    onnx.save(model, path)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep back what a logger says of plugins and shapes that nobody asked for."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
