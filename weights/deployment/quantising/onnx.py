"""ONNX in int8 by onnxruntime: QDQ, weights per channel, ranges of the smallest and largest."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.inventory import Inventory, Stored
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.quantising.quantiser import stage_of
from weights.frameworks import needed

SOURCE, TRIED = "onnx", "onnx"
# A ReLU must be among them: without it the scale before it spends half its steps on what it drops.
# A batch normalisation must not: its own product of a scale and a sum keeps more than int8 has.
OPERATORS = ("Conv", "Gemm", "MatMul", "Relu", "Clip", "Concat", "Add")
WEIGHTED = ("Conv", "Gemm", "MatMul")
BATCH = 10


def stages(source: Path) -> list[str]:
    """The stages with convolutions or products of matrices, by the names of their weights."""
    return list(nodes_of(load(source)))


def quantise(source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]) -> None:
    """Write QDQ; onnxruntime keeps the ranges beside `source` for the next call."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            given = x if notes.layout == "nchw" else x.transpose(0, 2, 3, 1)
            batch = notes.batch or BATCH
            self.parts = (given[at : at + batch] for at in range(0, len(given), batch))

        def get_next(self) -> Any:
            part = next(self.parts, None)
            return None if part is None else {notes.input: np.ascontiguousarray(part)}

    nodes = nodes_of(load(source))
    with _quiet():
        quantize_static(
            source,
            path,
            Reader(),
            per_channel=True,
            # Of 7 bits: processors without VNNI add pairs of products in 16 bits.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=[name for stage in kept for name in nodes[stage]],
            **_kept_ranges(quantize_static, source.with_suffix(".ranges")),
        )
    _note(path, notes)


def inventory(path: Path) -> Inventory:
    """Count the tensors of a model by their types."""
    from onnx import numpy_helper

    graph = load(path).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    restored = [node for node in graph.node if node.op_type == "DequantizeLinear"]
    stored = {node.output[0]: node.input[0] for node in restored}
    scales = {node.input[0]: constants[node.input[1]].size for node in restored}
    depthwise = {
        stored.get(node.input[1], node.input[1])
        for node in graph.node
        if node.op_type == "Conv" and _groups(node) > 1
    }
    return Inventory.of(
        Stored(name, array.dtype.name, array.nbytes, scales.get(name), name in depthwise)
        for name, array in constants.items()
    )


def _groups(node: Any) -> int:
    return next((each.i for each in node.attribute if each.name == "group"), 1)


def _kept_ranges(function: Any, path: Path) -> dict[str, Path]:
    """Where ranges are kept for the next call, by the versions of onnxruntime that can."""
    name = "calibration_cache_path"
    return {name: path} if name in signature(function).parameters else {}


def load(path: Path) -> Any:
    """Read a model."""
    with needed("ONNX", "onnx"):
        import onnx
    return onnx.load(path)


def nodes_of(model: Any) -> dict[str, list[str]]:
    """The names of the nodes of each stage that has weights, and of those that follow there."""
    names = {each.name for each in model.graph.initializer}
    found: dict[str, list[str]] = defaultdict(list)
    stage = ""
    for node in model.graph.node:
        weights = [name for name in node.input if name in names]
        if weights and node.op_type in WEIGHTED:
            stage = stage_of(weights[0])
        if stage:
            found[stage].append(node.name)
    return dict(found)


def _note(path: Path, notes: Notes) -> None:
    import onnx

    model = onnx.load(path)
    others = [each for each in model.metadata_props if each.key != ENTRY]
    del model.metadata_props[:]
    model.metadata_props.extend(others)
    model.metadata_props.add(key=ENTRY, value=notes.to_json())
    onnx.save(model, path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser, which logs advice on the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
