"""Programs of ExecuTorch in int8 by the quantiser of XNNPACK, weights per channel."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Collection, Iterator
from importlib import resources
from math import prod
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np

from weights.deployment.inventory import Inventory, Stored
from weights.deployment.notes import Notes
from weights.deployment.quantising import programs
from weights.deployment.quantising.quantiser import WRAPPER
from weights.deployment.targets import TARGETS
from weights.errors import FormatError
from weights.files.storage import read_bytes
from weights.frameworks import FRAMEWORKS, needed

# Lowering takes minutes, and the program before it computes the same but for roundings of float.
SOURCE, TRIED = programs.SOURCE, programs.SOURCE
# How XNNPACK calls types, and the bytes of one; a letter c says that each channel has its scale.
TYPES = {
    "fp32": ("float32", 4), "fp16": ("float16", 2), "qint8": ("int8", 1), "quint8": ("uint8", 1),
    "qint32": ("int32", 4), "qcint8": ("int8", 1), "qcint32": ("int32", 4),
}  # fmt: skip
# Of JSON that has infinity, which no JSON has.
INFINITE = re.compile(r"(?<=: )-?inf\b")
# What comes of bytes that are not what they should be.
DAMAGED = (LookupError, TypeError, AttributeError, AssertionError, OSError, CalledProcessError)
stages = programs.stages


def quantise(source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]) -> None:
    """Write the program with convolutions and products of matrices in int8.

    Where `path` is that of a program of torch.export it is that, for the ranking of stages.
    """
    with programs.quiet(), needed("ExecuTorch in int8", "executorch"):
        import torch
        from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
        from torchao.quantization.pt2e.quantizer import get_module_name_filter
    quantiser = xnnpack.XNNPACKQuantizer()
    rules = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
    # Sums keep more than int8 has, and concatenated halves a scale each.
    for name in programs.WEIGHTED:
        quantiser.set_operator_type(getattr(torch.ops.aten, name).default, rules)
    in_float = [get_module_name_filter(f"{WRAPPER}{stage}") for stage in kept]
    quantiser.set_filter_function(lambda node: not any(each(node) for each in in_float))
    # It would make floats of the numbers in a graph, also of those that count pixels.
    quantiser.transform_for_annotation = lambda module: module
    made = programs.converted(programs.opened(source), quantiser, x)
    interface, writers = (FRAMEWORKS["torch"].load(f"exporting.{x}") for x in ("interface", "pt2"))
    if path.suffix == TARGETS[TRIED].suffix:
        writers.save(interface.captured(made, notes), path, notes)
        return
    _share_scales(made)
    with programs.quiet():
        writers.lower(interface.captured(made, notes, interface.LARGEST), path, notes)


def _share_scales(module: Any) -> None:
    """Give the halves of a concatenation in int8 the scale of the whole, as XNNPACK wants them.

    The numbers stay: whether a half is rounded to that scale before or after is the same.
    """
    graph = module.graph
    for node in list(graph.nodes):
        users = list(node.users)
        if programs.operation_of(node) != "cat" or len(users) != 1:
            continue
        (stored,) = users
        if programs.operation_of(stored) != "quantize_per_tensor":
            continue
        back = next(iter(stored.users)).target
        with graph.inserting_before(node):
            rounded = [
                graph.call_function(stored.target, (x, *stored.args[1:])) for x in node.args[0]
            ]
            halves = [graph.call_function(back, (x, *stored.args[1:])) for x in rounded]
        node.args = (halves, *node.args[1:])
    module.recompile()


def inventory(path: Path) -> Inventory:
    """Count the constants that XNNPACK has of a program by their types; nothing of it is run."""
    try:
        return Inventory.of(each for graph in _graphs(path) for each in _stored(graph))
    except DAMAGED as error:
        raise FormatError(f"{path} is no whole program for XNNPACK: {error}") from None


def _stored(graph: Any) -> Iterator[Stored]:
    depthwise = {
        node["xnode_union"]["filter_id"]
        for node in graph["xnodes"]
        if node["xnode_union_type"] == "XNNDepthwiseConv2d"
    }
    for index, value in enumerate(graph["xvalues"]):
        found = value["xvalue_union"]
        tensor, rules = found.get("tensor_value", found), found.get("quant_params")
        if not tensor["constant_buffer_idx"]:
            continue
        entry = graph["constant_data"][tensor["constant_buffer_idx"]]
        name = entry["named_key"] or str(index)
        kind, size = TYPES[tensor["datatype"].removeprefix("xnn_datatype_")]
        scales = None if rules is None else rules.get("num_scales", 1)
        yield Stored(name, kind, prod(tensor["dims"]) * size, scales, tensor["id_out"] in depthwise)


def _graphs(path: Path) -> Iterator[Any]:
    """What each part of a program that XNNPACK runs says of itself.

    No public name of ExecuTorch reads programs.
    """
    with programs.quiet(), needed("ExecuTorch", "executorch"):
        from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader
        from executorch.exir._serialize import _deserialize_pte_binary  # noqa: PLC2701
    program = _deserialize_pte_binary(read_bytes(path)).program
    for delegate in program.execution_plan[0].delegates:
        data = program.backend_delegate_data[delegate.processed.index].data
        header = XNNHeader.from_bytes(data[: XNNHeader.EXPECTED_LENGTH])
        start = header.flatbuffer_offset
        yield _document(data[start : start + header.flatbuffer_size])


def _document(data: bytes) -> Any:
    """A flat buffer of XNNPACK as JSON, by the program and the schema that ExecuTorch has."""
    from executorch.backends.xnnpack import serialization
    from executorch.exir._serialize._flatbuffer import _flatc_decompile  # noqa: PLC2701

    with tempfile.TemporaryDirectory() as folder:
        schema, binary = Path(folder, "schema.fbs"), Path(folder, "graph.bin")
        schema.write_bytes(resources.files(serialization).joinpath(schema.name).read_bytes())
        binary.write_bytes(data)
        _flatc_decompile(folder, str(schema), str(binary), ["--raw-binary"])
        return json.loads(INFINITE.sub("null", binary.with_suffix(".json").read_text()))
