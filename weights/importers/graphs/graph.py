"""The graph of an ONNX file: its nodes, its arrays, and who makes and reads a value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from weights.errors import FormatError, ImportRefused
from weights.files import file_types
from weights.files.storage import PathLike, read_bytes
from weights.importers.files import check_file_type


@dataclass(frozen=True)
class Node:
    """An operation, by its type; `attributes` are numbers, texts, and lists of those."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0] if self.outputs else ""


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of their execution, and the arrays that they read."""

    path: PathLike
    nodes: Sequence[Node] = field(repr=False)
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    inputs: tuple[str, ...] = ()

    @cached_property
    def makers(self) -> Mapping[str, Node]:
        """The node that makes each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def readers(self) -> Mapping[str, list[Node]]:
        """The nodes that read each value."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def only_reader(self, value: str) -> Node | None:
        """Return the one node that reads a value, None where there are none or several."""
        readers = self.readers.get(value, [])
        return readers[0] if len(readers) == 1 else None

    def maker(self, value: str, *ops: str) -> Node | None:
        """Return the node that makes a value, where it is one of these types."""
        found = self.makers.get(value)
        return found if found is not None and found.op in ops else None

    def count_behind(self, value: str, passed: Collection[str]) -> int:
        """Return how many nodes, but those of the types `passed`, compute with a value."""
        reached, count = {value}, 0
        for node in self.nodes:
            if not reached.isdisjoint(node.inputs):
                reached.update(node.outputs)
                count += node.op not in passed
        return count

    def numbers(self, node: Node, index: int, attribute: str = "") -> np.ndarray | None:
        """Return a constant input of a node, or the attribute that older files have instead."""
        found = self.arrays.get(node.inputs[index]) if index < len(node.inputs) else None
        found = node.attributes.get(attribute) if found is None else found
        return None if found is None else np.atleast_1d(found)


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
            raise ImportRefused(f"{path} names other files with its numbers: save it as one file")
        arrays = {each.name: onnx.numpy_helper.to_array(each) for each in tensors}
        nodes = [_node(onnx, node) for node in model.graph.node]
    except ImportRefused:
        raise
    except Exception:  # protobuf and onnx raise many kinds for damage
        raise FormatError(f"{path} is not a whole ONNX file") from None
    return _plain(path, nodes, arrays, [each.name for each in model.graph.input])


def _constants(graph: Any) -> list[Any]:
    """Return the tensors of nodes that are constants, named after their outputs."""
    found = []
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                attribute.t.name = node.output[0]
                found.append(attribute.t)
    return found


def _node(onnx: Any, node: Any) -> Node:
    kinds = onnx.AttributeProto
    simple = (kinds.INT, kinds.INTS, kinds.FLOAT, kinds.FLOATS, kinds.STRING)
    attributes = {
        each.name: onnx.helper.get_attribute_value(each)
        for each in node.attribute
        if each.type in simple
    }
    return Node(node.op_type, node.name, tuple(node.input), tuple(node.output), attributes)


def _plain(path: PathLike, nodes: list[Node], arrays: dict[str, Any], inputs: list[str]) -> Graph:
    """Return the graph without nodes that change nothing in inference."""
    same: dict[str, str] = {}
    kept = []
    for node in nodes:
        read = tuple(same.get(name, name) for name in node.inputs)
        is_cast = node.op in ("Cast", "Unsqueeze") and read and _is_whole(arrays.get(read[0]))
        if (node.op in ("Identity", "Dropout") and read) or is_cast:
            same[node.output] = read[0]
        elif node.op != "Constant":
            kept.append(Node(node.op, node.name, read, node.outputs, node.attributes))
    arrays |= {alias: arrays[name] for alias, name in same.items() if name in arrays}
    return Graph(path, kept, arrays, tuple(name for name in inputs if name not in arrays))


def _is_whole(array: np.ndarray | None) -> bool:
    """Return whether an array is one whole number, the same in every type and rank."""
    if array is None or array.size != 1 or array.dtype.kind not in "fiu":
        return False
    return float(array.item()).is_integer()
