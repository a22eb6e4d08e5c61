"""Squeeze-and-excitation in a graph."""

from collections.abc import Mapping

import numpy as np

from weights.importers.gates import OWN_GATE
from weights.importers.graphs.activations import clipped, gate_of
from weights.importers.graphs.graph import Graph, Node
from weights.importers.graphs.units import Unit


def is_mean(graph: Graph, node: Node) -> bool:
    """Return whether a node makes the mean of every channel over rows and columns."""
    if node.op == "GlobalAveragePool":
        return True
    axes = graph.numbers(node, 1, "axes") if node.op == "ReduceMean" else None
    return axes is not None and sorted(int(axis) % 4 for axis in axes.flat) == [2, 3]


def squeezed(
    graph: Graph, units: Mapping[str, Unit], value: str
) -> tuple[str, str, dict[str, Unit]]:
    """Return what enters squeeze-and-excitation, its gate and its convolutions, where there is one.

    Otherwise the value itself.
    """
    product = graph.maker(value, "Mul")
    for entered, gated in (product.inputs, product.inputs[::-1]) if product else ():
        gate, expanded = _gate(graph, gated)
        expand = units.get(expanded)
        reduce = units.get(expand.source) if expand else None
        if gate is None or expand is None or reduce is None:
            continue
        mean = graph.makers.get(reduce.source)
        pools = mean is not None and is_mean(graph, mean) and mean.inputs[0] == entered
        if pools and reduce.activation == "relu" and not reduce.norms and not expand.norms:
            return entered, gate, {"conv_reduce": reduce, "conv_expand": expand}
    return value, OWN_GATE, {}


def _gate(graph: Graph, value: str) -> tuple[str | None, str]:
    """Return the gate that makes a value, and what enters it."""
    node = graph.makers.get(value)
    if node is None:
        return None, ""
    found = gate_of(graph, node)
    if found is not None:
        return found, node.inputs[0]
    # relu6(x + 3) / 6, operation by operation.
    clip = graph.maker(node.inputs[0], "Clip") if node.op in ("Div", "Mul") else None
    factor = graph.numbers(node, 1)
    wanted = 6 if node.op == "Div" else 1 / 6
    if clip is None or factor is None or not np.allclose(factor, wanted):
        return None, ""
    add = graph.maker(clip.inputs[0], "Add")
    three = None if add is None else graph.numbers(add, 1)
    is_own = clipped(graph, clip) == (0, 6) and three is not None and np.all(three == 3)
    return (OWN_GATE, add.inputs[0]) if add is not None and is_own else (None, "")
