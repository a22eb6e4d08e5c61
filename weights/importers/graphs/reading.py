"""ONNX files: their graphs, without nodes that change nothing in inference."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files import file_types
from weights.files.storage import PathLike, read_bytes
from weights.importers.files import check_file_type
from weights.importers.graphs.constants import fold_constants
from weights.importers.graphs.graph import NO_END, Graph, Node

# Where a graph takes images of any size, it is looked at for these: axes of an image and sizes.
SIZES = ({0: 1, 2: 224, 3: 161}, {0: 1, 2: 97, 3: 130})


def read_graph(path: PathLike) -> Graph:
    """Read the graph of an ONNX file, which may name no other file.

    Raises `ImportRefused` where the package onnx is missing or the file names others, `FormatError`
    where it is damaged or no ONNX file.
    """
    check_file_type(path, "onnx", (file_types.ONNX,))
    try:
        import onnx
    except ImportError:
        raise ImportRefused(f"reading {path} needs the package onnx: install it") from None
    try:
        model = onnx.load_model_from_string(read_bytes(path))
        tensors = [*model.graph.initializer, *_constants(model.graph)]
        if any(each.data_location == onnx.TensorProto.EXTERNAL for each in tensors):
            raise ImportRefused(
                f"{path} names other files with its numbers: save it as one file "
                "(external_data=False of torch.onnx.export)"
            )
        arrays = {each.name: onnx.numpy_helper.to_array(each) for each in tensors}
        shapes = list(_shapes(onnx, model, arrays))
        arrays, *others = [fold_constants(model, arrays, each) for each in shapes]
        nodes = [_node(onnx, node) for node in model.graph.node]
    except ImportRefused:
        raise
    except Exception:  # protobuf and onnx raise many kinds for damage
        raise FormatError(f"{path} is not a whole ONNX file") from None
    inputs = tuple(each.name for each in model.graph.input if each.name not in arrays)
    kept, same = _plain(nodes, arrays)
    found = [_with_aliases(each, same) for each in (arrays, *others)]
    return Graph(path, kept, found[0], inputs, tuple(found[1:]))


def _constants(graph: Any) -> list[Any]:
    """Return the tensors of nodes that are constants, named after their outputs."""
    found = []
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                attribute.t.name = node.output[0]
                found.append(attribute.t)
    return found


def _shapes(
    onnx: Any, model: Any, arrays: Mapping[str, np.ndarray]
) -> Iterator[dict[str, tuple[int, ...]]]:
    """Yield the shapes that nodes ask for: none, or for each of `SIZES` where any size goes."""
    images = [x.type.tensor_type.shape.dim for x in model.graph.input if x.name not in arrays]
    free = [dims for dims in images if len(dims) == 4 and not all(x.dim_value for x in dims[2:])]
    if not free:
        yield {}
        return
    asked = {name for node in model.graph.node if node.op_type == "Shape" for name in node.input}
    for sizes in SIZES:
        for dims in free:
            for axis, size in sizes.items():
                dims[axis].dim_value = size
        # What an exporter noted of values has names for sizes, or those of another size.
        del model.graph.value_info[:]
        # Without propagating data, which a file could make of any size.
        graph = onnx.shape_inference.infer_shapes(model).graph
        known = [x for x in (*graph.value_info, *graph.input) if x.name in asked]
        yield {x.name: tuple(d.dim_value for d in x.type.tensor_type.shape.dim) for x in known}


def _node(onnx: Any, node: Any) -> Node:
    kinds = onnx.AttributeProto
    simple = (kinds.INT, kinds.INTS, kinds.FLOAT, kinds.FLOATS, kinds.STRING)
    attributes = {
        each.name: onnx.helper.get_attribute_value(each)
        for each in node.attribute
        if each.type in simple
    }
    return Node(node.op_type, node.name, tuple(node.input), tuple(node.output), attributes)


def _plain(
    nodes: list[Node], arrays: Mapping[str, np.ndarray]
) -> tuple[list[Node], dict[str, str]]:
    """Return the nodes that change something in inference, and which values are others by name."""
    same: dict[str, str] = {}
    kept = []
    for node in nodes:
        read = tuple(same.get(name, name) for name in node.inputs)
        is_same = node.op in ("Cast", "Unsqueeze") and read and _is_whole(arrays.get(read[0]))
        is_same = is_same or (node.op == "Slice" and _takes_all([arrays.get(x) for x in read[1:]]))
        if (node.op in ("Identity", "Dropout") and read) or is_same:
            same[node.output] = read[0]
        elif node.output not in arrays:
            kept.append(node if read == node.inputs else replace(node, inputs=read))
    return kept, same


def _with_aliases(
    arrays: Mapping[str, np.ndarray], same: Mapping[str, str]
) -> dict[str, np.ndarray]:
    return {alias: arrays[name] for alias, name in same.items() if name in arrays} | {**arrays}


def _takes_all(places: list[np.ndarray | None]) -> bool:
    """Return whether a slice from `starts` to `ends` along `axes` by `steps` leaves nothing out."""
    starts, ends, *others = places if len(places) > 1 else (None, None)
    if starts is None or ends is None or starts.any() or (ends < NO_END).any():
        return False
    steps = others[1] if len(others) > 1 else np.ones(1)
    return steps is not None and bool((steps == 1).all())


def _is_whole(array: np.ndarray | None) -> bool:
    """Return whether an array is one whole number, the same in every type and rank."""
    if array is None or array.size != 1 or array.dtype.kind not in "fiu":
        return False
    return float(array.item()).is_integer()
