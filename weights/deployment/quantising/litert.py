"""LiteRT in int8 by its own quantiser, AI Edge Quantizer: weights per channel, static ranges."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from weights.deployment.inventory import Inventory, Stored
from weights.deployment.notes import ENTRY, Notes
from weights.deployment.quantising.quantiser import stage_of
from weights.files.storage import read_bytes
from weights.frameworks import needed

SOURCE, TRIED = "litert", "litert"
# The paths of Keras begin with the functional model and the network, and end in numbers.
PATH = re.compile(r"functional[^/]*/[^/]*/([^/]*?)(?:_\d+)?/")
KEEP = "no_quantize"
# Inputs and outputs are float32 in every artefact; products are those of batch normalisations,
# which keep more than int8 has.
IN_FLOAT = ("INPUT", "OUTPUT", "MUL")
WEIGHTED = re.compile(r"/(convolution|depthwise|MatMul)")


def stages(source: Path) -> list[str]:
    """The stages with convolutions or products of matrices, by the names of what they make."""
    return list(_scopes(source))


def quantise(source: Path, path: Path, notes: Notes, x: np.ndarray, kept: Collection[str]) -> None:
    """Write the model in int8, with inputs and outputs in float32."""
    with needed("LiteRT in int8", "int8"):
        from ai_edge_quantizer import quantizer, recipe
    given = x if notes.layout == "nchw" else x.transpose(0, 2, 3, 1)
    parts = np.split(np.ascontiguousarray(given), len(given))
    scopes = _scopes(source)
    with _quiet():
        made = quantizer.Quantizer(str(source), recipe.static_wi8_ai8())
        for operation in IN_FLOAT:
            made.update_quantization_recipe(".*", operation, algorithm_key=KEEP)
        signature = {"serving_default": [{notes.input: part} for part in parts]}
        ranges = _ranges(made, source.with_suffix(".ranges"), signature)
        for scope in (re.escape(scope) for stage in kept for scope in scopes[stage]):
            made.update_quantization_recipe(scope, "*", algorithm_key=KEEP)
        result = made.quantize(ranges, enable_progress_bar=False)
    path.write_bytes(_noted(bytes(result.quantized_model), notes))


def inventory(path: Path) -> Inventory:
    """Count the constants of a model by their types."""
    from ai_edge_litert import schema_py_generated as schema

    model = _parsed(read_bytes(path))
    types = {code: name for name, code in vars(schema.TensorType).items() if name.isupper()}
    operators = vars(schema.BuiltinOperator)
    graph = model.subgraphs[0]
    depthwise = {
        each.inputs[1]
        for each in graph.operators
        if model.operatorCodes[each.opcodeIndex].builtinCode == operators["DEPTHWISE_CONV_2D"]
    }
    found = []
    for index, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data):
            scale = None if tensor.quantization is None else tensor.quantization.scale
            scales = None if scale is None or not len(scale) else len(scale)
            kind = types[tensor.type].lower()
            found.append(Stored(tensor.name.decode(), kind, len(data), scales, index in depthwise))
    return Inventory.of(found)


def _scopes(source: Path) -> dict[str, list[str]]:
    """The names of what the operations of each stage make."""
    graph = _parsed(read_bytes(source)).subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    found: dict[str, list[str]] = defaultdict(list)
    stage = ""
    for each in graph.operators:
        # The output of the network has another name than what makes it: its weights tell.
        for name in [names[index] for index in (each.outputs[0], *each.inputs[1:2])]:
            path = PATH.match(name)
            if path and WEIGHTED.search(name):
                stage = stage_of(re.sub(r"_(?=\d)", ".", path[1]))
        if stage:
            found[stage].append(names[each.outputs[0]])
    return dict(found)


def _parsed(data: bytes) -> Any:
    """The objects of a model."""
    with needed("LiteRT", "litert"):
        from ai_edge_litert.tools import flatbuffer_utils
    return flatbuffer_utils.read_model_from_bytearray(bytearray(data))


def _noted(data: bytes, notes: Notes) -> bytes:
    """The model with these notes in place of those that it has of the artefact in float."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = _parsed(data)
    (entry,) = (each for each in model.metadata if each.name == ENTRY.encode())
    model.buffers[entry.buffer].data = np.frombuffer(notes.to_json().encode(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _ranges(made: Any, path: Path, signature: Any) -> Any:
    """The smallest and largest values of every tensor, kept in a file for the next call."""
    if not path.exists():
        found = made.calibrate(signature, num_threads=1)
        lists = {
            name: {key: np.asarray(value).tolist() for key, value in each.items()}
            for name, each in found.items()
        }
        path.write_text(json.dumps(lists))
    stored = json.loads(path.read_text())
    return {
        name: {key: np.asarray(value, np.float32) for key, value in each.items()}
        for name, each in stored.items()
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence progress, the report, and the warning that ranges need every tensor."""
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
