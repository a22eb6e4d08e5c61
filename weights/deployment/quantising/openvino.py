"""OpenVINO in int8 by NNCF, from ONNX, whose nodes say which stage they belong to."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.inventory import Inventory, Stored
from weights.deployment.notes import Notes, write_beside
from weights.deployment.quantising import onnx
from weights.deployment.targets import TARGETS
from weights.frameworks import needed

SOURCE, TRIED = "onnx", "openvino"
# Which restore a constant on its way to the operation that it belongs to.
RESTORING = ("Convert", "Subtract", "Multiply", "Reshape")
stages = onnx.stages


def quantise(source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]) -> None:
    """Write the model in int8, weights per channel, with the notes beside it."""
    with needed("OpenVINO in int8", "int8"):
        import nncf
        import openvino
    given = x if notes.layout == "nchw" else x.transpose(0, 2, 3, 1)
    nodes = onnx.nodes_of(onnx.load(source))
    in_float = {name for stage in kept for name in nodes[stage]}
    with _quiet(nncf):
        model = openvino.convert_model(source)
        names = [op.get_friendly_name() for op in model.get_ordered_ops()]
        made = nncf.quantize(
            model,
            nncf.Dataset([np.ascontiguousarray(each) for each in np.split(given, len(given))]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(given),
            ignored_scope=nncf.IgnoredScope(
                names=[name for name in names if name.partition("/")[0] in in_float],
                # Of batch normalisations, which keep more than int8 has.
                types=["Multiply"],
                validate=False,
            ),
            advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
        )
    path.mkdir(exist_ok=True)
    openvino.save_model(made, path / TARGETS["openvino"].member, compress_to_fp16=False)
    write_beside(path, notes)


def inventory(path: Path) -> Inventory:
    """Count the constants of a model by their types."""
    with needed("OpenVINO", "openvino"):
        import openvino
    model = openvino.Core().read_model(path / TARGETS["openvino"].member)
    constants = [op for op in model.get_ordered_ops() if op.get_type_name() == "Constant"]
    return Inventory.of(_stored(each) for each in constants)


def _stored(constant: Any) -> Stored:
    kind = constant.get_element_type()
    scales, reader = None, constant
    while reader.get_type_name() in ("Constant", *RESTORING):
        targets = sorted(reader.output(0).get_target_inputs(), key=lambda each: each.get_index())
        if not targets:
            break
        reader = targets[0].get_node()
        if reader.get_type_name() == "Multiply" and kind.size == 1:
            scales = prod(reader.input_value(1).get_shape())
    return Stored(
        constant.get_friendly_name(),
        kind.to_string(),
        prod(constant.get_output_shape(0)) * kind.size,
        scales,
        reader.get_type_name() == "GroupConvolution",
    )


@contextmanager
def _quiet(nncf: Any) -> Iterator[None]:
    """Silence progress and warnings of the quantiser."""
    logger = logging.getLogger("nncf")
    level = logger.level
    nncf.set_log_level(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
