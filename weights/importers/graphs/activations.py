"""Activations in a graph, and the gates of squeeze-and-excitation."""

import numpy as np

from weights.importers.graphs.graph import Graph, Node


def activation(graph: Graph, value: str) -> tuple[str, str] | None:
    """Return the activation of a value, and the value that it makes; None where there is none."""
    node = graph.only_reader(value)
    if node is not None:
        name = _name(graph, node)
        return None if name is None else (name, node.output)
    gates = [each for each in graph.readers.get(value, []) if each.op in ("Sigmoid", "HardSigmoid")]
    if len(gates) != 1 or len(graph.readers[value]) != 2:
        return None
    product = graph.only_reader(gates[0].output, "Mul")
    if product is None or value not in product.inputs:
        return None
    if gates[0].op == "Sigmoid":
        return "silu", product.output
    return ("hard_swish", product.output) if gate_of(graph, gates[0]) == "relu6" else None


def _name(graph: Graph, node: Node) -> str | None:
    if node.op == "Relu":
        return "relu"
    if node.op == "HardSwish":
        return "hard_swish"
    if node.op == "LeakyRelu":
        return f"leaky_relu:{float(np.float32(node.attributes.get('alpha', 0.01))):.6g}"
    return "relu6" if node.op == "Clip" and clipped(graph, node) == (0, 6) else None


def clipped(graph: Graph, node: Node) -> tuple[float, float] | None:
    """Return the bounds of a clip."""
    bounds = [graph.numbers(node, i, name) for i, name in ((1, "min"), (2, "max"))]
    if any(bound is None or bound.size != 1 for bound in bounds):
        return None
    low, high = (float(bound.item()) for bound in bounds if bound is not None)
    return low, high


def gate_of(graph: Graph, node: Node) -> str | None:
    """Return which gate a node is, by its name among `weights.importers.gates`."""
    if node.op == "Sigmoid":
        return "sigmoid"
    if node.op == "Clip" and clipped(graph, node) == (0, 1):
        return "clip01"
    if node.op != "HardSigmoid":
        return None
    slope, offset = (
        float(node.attributes.get(name, usual)) for name, usual in (("alpha", 0.2), ("beta", 0.5))
    )
    if abs(offset - 0.5) > 1e-6:
        return None
    slopes = {"relu6": 1 / 6, "keras2": 0.2}
    return next((name for name, known in slopes.items() if abs(slope - known) < 1e-6), None)
